"""What clients of Hugging Face ask for: the model that a path names, pages, paths in a body."""

from typing import Annotated, Any, cast
from urllib.parse import parse_qs, quote, urlencode

from fastapi import Depends, Request, Response
from pydantic import BaseModel, Field

from services.query.hub import trees
from shared.domain.access.actions import Action
from shared.domain.errors import InvalidRequest
from shared.domain.strict_json import parse_object
from shared.runtime.settings import Settings
from shared.web.access.caller import Caller, declares
from shared.web.repo_paths import model_of

FORM = "application/x-www-form-urlencoded"
MOST_PATHS = 1000
_LISTED_BY = frozenset(("search", "author", "limit", "full", "cursor", "config", "cardData"))
_IN_PATHS = "/%:@-._~!$&'()*+,;="

Reader = Annotated[Caller, declares(Action.READ)]
Downloader = Annotated[Caller, declares(Action.DOWNLOAD)]


async def _readable(repo: str, caller: Reader) -> str:
    """Return the model of a path whose caller may read it; raises what refuses them."""
    model = model_of(repo)
    caller.require(model)
    return model


async def _downloadable(repo: str, caller: Downloader) -> str:
    """Return the model of a path whose caller may download it; raises what refuses them."""
    model = model_of(repo)
    caller.require(model)
    return model


ReadModel = Annotated[str, Depends(_readable)]
DownloadedModel = Annotated[str, Depends(_downloadable)]


class PageQuery(BaseModel):
    """Where a page begins, and what it may have."""

    cursor: str | None = Field(None, max_length=1024, description="As `Link` names it")
    limit: int | None = Field(None, ge=1, description="There may be fewer, and a page that follows")


class TreeQuery(PageQuery):
    """Which rows of a folder are wanted."""

    recursive: bool = Field(False, description="Those of all folders below it, too")
    expand: bool = Field(False, description="Tell of each row the version that it belongs to")

    @property
    def rows(self) -> int:
        """How many of them at once."""
        return min(self.limit or trees.MOST_ROWS, trees.MOST_ROWS)


class ListQuery(PageQuery):
    """Which models are wanted."""

    search: str = Field("", max_length=200, description="Part of the id")
    author: str = Field("", max_length=200, description="Namespace")
    full: bool = Field(False, description="Tell the newest version, and its files, too")


def require_supported(request: Request) -> None:
    """Return where a list is asked for as it can be; raises InvalidRequest."""
    for name in request.query_params:
        if name not in _LISTED_BY:
            rule = "is not supported: models are found by search and author, in order of their ids"
            raise InvalidRequest(name, rule)


def tell_next(response: Response, request: Request, cursor: str | None, to: Settings) -> None:
    """Name the next page by the address that users are told: clients send their token there."""
    if cursor is None:
        return
    raw: bytes = request.scope["raw_path"]
    path = quote(raw.decode("latin-1"), safe=_IN_PATHS)
    kept = [(name, each) for name, each in request.query_params.multi_items() if name != "cursor"]
    query = urlencode([*kept, ("cursor", cursor)])
    response.headers["Link"] = f'<{to.query_url}{path}?{query}>; rel="next"'


def asked_paths(body: bytes, content_type: str) -> tuple[list[str], bool]:
    """Return the paths that a body asks for, and whether more is to be told of them.

    It is a form, as huggingface_hub sends, or JSON. Raises InvalidRequest.
    """
    is_json = content_type.partition(";")[0].strip().lower() == "application/json"
    try:
        text = body.decode()
        found: dict[str, Any] = parse_object(text) if is_json else _parse_form(text)
    except ValueError as error:
        raise InvalidRequest("body", f"must name paths in a form or in JSON: {error}") from None
    paths = found.get("paths")
    listed = cast("list[object]", paths if isinstance(paths, list) else [paths])
    texts = [each for each in listed if isinstance(each, str)]
    if not 1 <= len(texts) == len(listed) <= MOST_PATHS:
        raise InvalidRequest("paths", f"must be 1 to {MOST_PATHS} texts")
    return texts, found.get("expand") in (True, ["true"], ["True"])


def _parse_form(text: str) -> dict[str, list[str]]:
    return parse_qs(text, strict_parsing=bool(text), max_num_fields=2 * MOST_PATHS)
