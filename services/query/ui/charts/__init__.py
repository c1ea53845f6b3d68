"""Drawings of pages: where everything lies, as plain values; templates make SVG of them."""
