"""Downloads are files to be saved, under a name that no header can be broken with."""

import email.message
import re

from hypothesis import given
from hypothesis import strategies as st

from shared.storage.urls import attachment


def test_a_name_is_told_in_ascii_and_whole() -> None:
    assert attachment("page.html") == (
        "attachment; filename=\"page.html\"; filename*=UTF-8''page.html"
    )
    assert attachment('ü "x";.html') == (
        "attachment; filename=\"_ _x__.html\"; filename*=UTF-8''%C3%BC%20%22x%22%3B.html"
    )


@given(st.text(min_size=1, max_size=100).filter(lambda name: name.isprintable()))
def test_any_name_comes_back_and_breaks_out_of_nothing(name: str) -> None:
    header = attachment(name)
    assert re.fullmatch(r"[\x20-\x7e]+", header)
    message = email.message.Message()
    message["Content-Disposition"] = header
    assert message.get_content_disposition() == "attachment"
    assert message.get_filename() is not None
    assert header.count('"') == 2
    assert header.count(";") == 2
