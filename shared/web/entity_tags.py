"""ETags: what a conditional request names (RFC 9110, 8.8.3)."""


def entity_tag(revision: int) -> str:
    """Return the strong ETag of a revision."""
    return f'"{revision}"'
