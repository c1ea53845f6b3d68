"""What a model's name says by itself."""


def namespace_of(model: str) -> str | None:
    """Return what stands before the first dot of a model's name; None without one."""
    namespace, dot, _ = model.partition(".")
    return namespace if dot else None
