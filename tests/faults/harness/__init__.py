"""What the fault tests share: a registry that is hurt, and the checker of what came of it."""
