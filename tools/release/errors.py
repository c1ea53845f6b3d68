"""Why a release is not made."""


class ReleaseError(Exception):
    """The release cannot be made; the text says why, in one line."""
