"""Downloads are files to be saved, under a name that no header can be broken with."""

import email.message
import re
from urllib.parse import parse_qs, unquote, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from shared.storage.urls import UrlSigner, attachment
from tests.support.isolation import SETTINGS


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


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100))
def test_any_key_is_one_path_and_changes_nothing_else_of_a_signed_url(key: str) -> None:
    signer = UrlSigner(SETTINGS)
    signed = signer.get("models", f"m/1/{key}", object_version="v", ttl_seconds=60)
    assert re.fullmatch(r"[\x21-\x7e]+", signed.url)
    url = urlsplit(signed.url)
    assert (url.netloc, url.fragment) == ("unused:9000", "")
    assert unquote(url.path) == f"/models/m/1/{key}"
    query = parse_qs(url.query, strict_parsing=True)
    assert query["response-content-type"] == ["application/octet-stream"]
    assert query["versionId"] == ["v"]
    assert query["X-Amz-Expires"] == ["60"]
    assert sorted(query) == [
        *("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires"),
        *("X-Amz-Signature", "X-Amz-SignedHeaders"),
        *("response-content-disposition", "response-content-type", "versionId"),
    ]
    assert all(len(values) == 1 for values in query.values())
