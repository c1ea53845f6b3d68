"""The address of a folder in a bucket, as tools of S3 write it."""

import re

_ADDRESS = re.compile(r"s3://([A-Za-z0-9][A-Za-z0-9.-]{1,61}[A-Za-z0-9])(?:/(.*))?\Z", re.DOTALL)


def parse_address(value: str) -> tuple[str, str]:
    """Return bucket and prefix of `s3://BUCKET/PREFIX`; the prefix is empty or ends with a slash.

    Raises ValueError with the rule.
    """
    found = _ADDRESS.match(value)
    if found is None:
        raise ValueError("must be s3://BUCKET or s3://BUCKET/PREFIX")
    prefix = (found[2] or "").rstrip("/")
    return found[1], f"{prefix}/" if prefix else ""
