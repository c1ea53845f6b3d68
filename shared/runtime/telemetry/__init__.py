"""What a process tells of itself to operators: figures, and how they are asked for."""
