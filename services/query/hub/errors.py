"""Errors as clients of Hugging Face read them.

They tell apart what is missing by the header X-Error-Code, and show X-Error-Message and the JSON
member `error` to people: huggingface_hub, utils/_http.py, hf_raise_for_status.
"""

from http import HTTPStatus

from fastapi.responses import JSONResponse, Response

from shared.web.dialects import Dialect, Failure

REPO_NOT_FOUND = "RepoNotFound"
REVISION_NOT_FOUND = "RevisionNotFound"
ENTRY_NOT_FOUND = "EntryNotFound"
GATED_REPO = "GatedRepo"
COMMIT_HEADER = "X-Repo-Commit"
_MISSING = {
    "model_not_found": REPO_NOT_FOUND,
    "version_not_found": REVISION_NOT_FOUND,
    "alias_not_found": REVISION_NOT_FOUND,
    "version_not_ready": REVISION_NOT_FOUND,
    "no_ready_version": REVISION_NOT_FOUND,
    "file_not_found": ENTRY_NOT_FOUND,
    # Another kind of repository, or a call that nobody answers here.
    "not_found": REPO_NOT_FOUND,
}
_MOST_HEADER_CHARACTERS = 2000


def is_hub_path(path: str) -> bool:
    """Whether such a client asks for this path."""
    return path.startswith("/api/") or "/resolve/" in path or ".git/info/lfs/" in path


def word_error(failure: Failure) -> Response:
    """Return an error as such a client reads it."""
    status = failure.status
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        status = HTTPStatus.BAD_REQUEST  # the one that they show the reason of
    answer = JSONResponse({"error": failure.detail, "code": failure.code}, status)
    answer.headers["X-Error-Message"] = _printable(failure.detail)
    if code := _code_of(failure):
        answer.headers["X-Error-Code"] = code
    if commit := failure.members.get("commit"):
        answer.headers[COMMIT_HEADER] = commit  # that a commit lacks a file is remembered
    return answer


def _code_of(failure: Failure) -> str | None:
    if failure.status == HTTPStatus.UNAUTHORIZED:
        return REPO_NOT_FOUND
    if failure.status == HTTPStatus.FORBIDDEN:
        grant = str(failure.members.get("missing_grant", "reader"))
        # Who may not write is shown the message: there is no gate to ask at.
        return GATED_REPO if grant.startswith("reader") else None
    return _MISSING.get(failure.code)


def _printable(text: str) -> str:
    """Return a text as a header can hold it."""
    escaped = text.encode("unicode_escape").decode("ascii")
    return escaped[:_MOST_HEADER_CHARACTERS]


HUB = Dialect(is_hub_path, word_error)
