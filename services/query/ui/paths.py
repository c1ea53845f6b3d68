"""Where pages are, and the headers that every answer there has."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from registry.schemas import Version
from shared.web.access.entrance import SIGN_IN

ROOT: Final = "/ui/"
STATIC: Final = "/ui/static"
MODEL: Final = "/ui/models/{model}"
"""The route of a model's page; what can be done with it is below."""
VERSION: Final = MODEL + "/versions/{version}"
SIGN_OUT: Final = "/ui/sign-out"
ACCOUNT: Final = "/ui/me"
AT_ISSUER: Final = f"{SIGN_IN}/oidc"
"""Leads to the issuer at which people sign in."""
FROM_ISSUER: Final = f"{AT_ISSUER}/back"
"""Where the issuer leads back to: the redirect URI, below QUERY_PUBLIC_URL."""
_HUB_FILES = "/resolve/"
"""In the paths of files as clients of Hugging Face read them, also those of a model or a namespace
that is called `ui`."""
_MODELS = f"{ROOT}models/"
"""Below it are pages alone: of a model, or an alias, that is called `resolve`, too."""

UPLOADS: Final = f"{ROOT}uploads"
"""Where the script of the upload page asks: answers are JSON, also of errors."""
_UPLOAD_PAGE: Final = re.compile(r"/ui/(?:models/[^/]+/)?upload")

_MAX_TARGET_CHARACTERS: Final = 4096
_LEADING_UP = ("\\", "..", "%2e")
"""With one of these in it a browser may read a path as another one."""

PAGE_HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # Not no-referrer: with it a form tells no Origin, by which those of other sites are refused.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_REPLACED = frozenset(name.encode() for name in PAGE_HEADERS)


def segment(value: object) -> str:
    """Return a text as one segment of a path, here or at ingest."""
    return quote(str(value), safe="@")


def version_page(version: Version) -> str:
    """Return where the page of a version is, by its number: a name may lead elsewhere later."""
    return f"/ui/models/{segment(version.model)}/versions/{version.number}"


def is_page(path: str) -> bool:
    """Whether a person's browser asks for this path, and no client of another tool."""
    if path in ("/", "/ui") or path.startswith(_MODELS):
        return True
    return path.startswith(ROOT) and _HUB_FILES not in path


def is_upload_page(path: str) -> bool:
    """Whether it is a page whose script sends files to storage."""
    return _UPLOAD_PAGE.fullmatch(path) is not None


def is_asked_by_script(path: str) -> bool:
    """Whether the script of the upload page asks for this path."""
    return is_page(path) and (path == UPLOADS or path.startswith(f"{UPLOADS}/"))


def headers_towards(origins: str) -> Mapping[str, str]:
    """Return the headers of a page that may send to these other origins too, those of storage."""
    name = "content-security-policy"
    policy = PAGE_HEADERS[name].replace("connect-src 'self'", f"connect-src 'self' {origins}")
    return {**PAGE_HEADERS, name: policy}


def own_headers(path: str) -> frozenset[bytes]:
    """Return the names of the headers that a page sets itself; elsewhere the service sets them."""
    return _REPLACED if is_page(path) else frozenset()


def safe_target(target: str) -> str:
    """Return where to go on after signing in: a page of ours, or the overview."""
    is_ours = target.startswith(ROOT) and is_page(target.partition("?")[0])
    is_back = target.startswith((SIGN_IN, SIGN_OUT))
    is_plain = target.isascii() and target.isprintable() and len(target) <= _MAX_TARGET_CHARACTERS
    leads_up = any(each in target.lower() for each in _LEADING_UP)
    return target if is_ours and is_plain and not is_back and not leads_up else ROOT
