"""Writes the table of operations and roles into docs/security.md: `python -m tools.access_matrix`.

Operations are those of the OpenAPI documents; who may do them is asked of the one decision, as the
services ask it. A test compares the table with the code.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from registry.schemas.access import ROLES
from shared.domain.access.actions import Action
from shared.domain.access.decision import decide
from shared.domain.access.grants import Grant
from tools.api_documents import api_documents

PAGE = Path(__file__).parent.parent / "docs" / "security.md"
_BEGIN = "<!-- The table is made from the code: make docs -->\n"
_END = "<!-- End of the table -->\n"
_KINDS = ("events", *ROLES)
_FOR_ANYBODY = (Action.PUBLIC, Action.IDENTIFY)
_WITHIN_ANOTHER = {
    "POST /v1/uploads": (Action.MAKE_STORAGE_GROUP, "… that names a new storage group"),
    "PUT /v1/models/{model}/aliases/{alias}": (
        Action.MOVE_PROTECTED_ALIAS,
        "… that rules leave to maintainers",
    ),
}
"""Actions that are asked for within another operation, after which they stand."""


def access_matrix() -> str:
    """Return the table, as Markdown."""
    columns = ("operation", "nobody", "known", *(f"`{kind}`" for kind in _KINDS))
    rows = dict.fromkeys(_rows())  # both services have some
    lines = [columns, ("---",) * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def with_matrix(page: str) -> str:
    """Return the page with the table between its two marks."""
    before, _, rest = page.partition(_BEGIN)
    _, mark, after = rest.partition(_END)
    if not mark:
        raise ValueError(f"{PAGE.name} lacks one of the marks of the table")
    return before + _BEGIN + "\n" + access_matrix() + "\n" + _END + after


def _rows() -> Iterator[tuple[str, ...]]:
    documents = api_documents()
    for service in ("ingest", "query"):
        paths = json.loads(documents[f"{service}.openapi.json"])["paths"]
        for path, operations in paths.items():
            for method, operation in operations.items():
                action = Action(operation.get("x-action", Action.PUBLIC))
                name = f"{method.upper()} {path}"
                yield (f"`{name}`", *_cells(action))
                if name in _WITHIN_ANOTHER:
                    within, told = _WITHIN_ANOTHER[name]
                    yield (told, *_cells(within))


def _cells(action: Action) -> Iterator[str]:
    """Say for nobody, for somebody without a grant, and for each kind of grant what is allowed."""
    if action in _FOR_ANYBODY:
        yield from ["yes"] * (2 + len(_KINDS))
        return
    yield ""
    own = "own" if action is Action.USE_UPLOAD else ""
    yield own
    for kind in _KINDS:
        yield "yes" if decide([Grant(kind, "*")], action, "churn").is_allowed else own


def main() -> None:
    """Write the table into the page."""
    PAGE.write_text(with_matrix(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write("docs/security.md\n")


if __name__ == "__main__":
    main()
