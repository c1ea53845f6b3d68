"""docs/api says what the code does: `make docs` writes it anew."""

import pytest

from tools.api_documents import FOLDER, api_documents


@pytest.mark.parametrize(("name", "text"), api_documents().items())
def test_the_committed_document_is_the_one_that_the_code_makes(name: str, text: str) -> None:
    assert (FOLDER / name).read_text() == text, "run `make docs`"
