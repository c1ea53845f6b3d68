"""Optional dependencies of the client."""

from registry.errors import MissingExtraError


def require_aiokafka() -> None:
    """Raise MissingExtraError, with what installs it, unless aiokafka is there."""
    try:
        import aiokafka  # noqa: F401  # pyright: ignore[reportUnusedImport] - only whether it is there
    except ImportError as error:
        raise MissingExtraError(
            "reading events needs aiokafka (the extra `events`): pip install aiokafka"
        ) from error
