"""Storage groups: listed, attached and removed by an operator."""
