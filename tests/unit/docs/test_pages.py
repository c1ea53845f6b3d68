"""Sentences of the pages that the code can contradict."""

from pathlib import Path

from services.admin.provision.database_roles import database_roles
from services.query.ui.namespaces import KEPT_SECONDS, OLD_SECONDS

DOCS = Path(__file__).parents[3] / "docs"
WRITTEN_BY_QUERY = {
    "browser_sessions": "add and remove browser sessions",
    "tokens": "note when a token was used",
    "audit": "write the audit",
}


def test_what_query_may_write_is_said() -> None:
    page = (DOCS / "running.md").read_text(encoding="utf-8")
    [row] = [line for line in page.splitlines() if line.startswith("| MongoDB |")]
    query = row.split("|")[3]
    writes = {"insert", "update", "remove"}
    roles = database_roles(makes_groups=False)["query"]
    written = {each.collection for each in roles if writes & set(each.actions)}
    assert written == set(WRITTEN_BY_QUERY)
    assert all(told in query for told in WRITTEN_BY_QUERY.values())


def test_the_age_of_counts_by_namespace_is_that_of_the_code() -> None:
    page = " ".join((DOCS / "page.md").read_text(encoding="utf-8").split())
    assert f"made anew at most every {KEPT_SECONDS:g} s" in page
    assert f"older than {OLD_SECONDS:g} s are told to nobody" in page
