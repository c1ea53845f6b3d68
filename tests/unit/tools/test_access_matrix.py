"""docs/security.md tells who may do what as the code decides it: `make docs` writes it anew."""

import pytest

from tools.access_matrix import PAGE, access_matrix, with_matrix


def test_the_committed_table_is_the_one_that_the_code_makes() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_matrix(page) == page, "run `make docs`"


def test_a_page_without_the_marks_is_refused_and_not_overwritten() -> None:
    with pytest.raises(ValueError, match="lacks one of the marks"):
        with_matrix("a page\n")


def test_every_operation_has_its_row_and_each_role_may_what_those_before_it_may() -> None:
    head, _, *rows = [line.strip("|\n ").split(" | ") for line in access_matrix().splitlines()]
    assert head[0].strip() == "operation"
    operations = [row[0].strip() for row in rows]
    assert "`POST /v1/uploads`" in operations
    assert "`GET /v1/audit`" in operations
    assert len(operations) == len(set(operations))
    for row in rows:
        allowed = [cell.strip() == "yes" for cell in row[-4:]]
        assert allowed == sorted(allowed), row
