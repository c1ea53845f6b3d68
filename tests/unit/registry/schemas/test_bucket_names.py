"""Storage groups are S3 bucket names, by S3's own rules: each is restated here on its own."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from miniopy_async import helpers
from pydantic import ValidationError

from registry.schemas import UploadRequest
from registry.schemas.names import check_bucket_name

ALPHABET = "abcxyz0159"
PREFIXES = ("xn--", "sthree-", "sthree-configurator", "amzn-s3-demo-")
SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")

near_misses = st.one_of(
    st.text(alphabet=f"{ALPHABET}.-", max_size=70),
    st.text(alphabet=f"{ALPHABET}.-_A \n", max_size=12),
    st.tuples(st.sampled_from(PREFIXES), st.text(ALPHABET, max_size=5)).map("".join),
    st.tuples(st.text(ALPHABET, max_size=5), st.sampled_from(SUFFIXES)).map("".join),
    st.tuples(*[st.integers(0, 999)] * 4).map(lambda four: ".".join(map(str, four))),
)


def is_bucket_name(name: str) -> bool:
    """The rules for general purpose buckets, one a line."""
    labels = name.split(".")
    return (
        3 <= len(name) <= 63
        and set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")
        and all(label and label[0] != "-" and label[-1] != "-" for label in labels)
        and not (len(labels) == 4 and all(label.isdigit() for label in labels))
        and not name.startswith(PREFIXES)
        and not name.endswith(SUFFIXES)
    )


@given(near_misses)
@example("192.168.1.1")
@example("abc-s3alias")
@example("a.b.c.d")
def test_what_is_taken_is_exactly_what_s3_takes(name: str) -> None:
    if not is_bucket_name(name):
        with pytest.raises(ValueError, match="must be an S3 bucket name"):
            check_bucket_name(name)
        return
    assert check_bucket_name(name) == name
    helpers.check_bucket_name(name, strict=True, s3_check=True)  # the driver takes it too


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("192.168.1.1", "not formatted as an IP address"),
        ("abc-s3alias", "does not end with '-s3alias'"),
        ("xn--abc", "does not start with 'xn--'"),
        ("a.-b", "beginning and ending with a letter or digit"),
    ],
)
def test_a_request_with_another_name_is_told_the_field_and_its_rule(name: str, rule: str) -> None:
    file = {"path": "model.bin", "size_bytes": 1}
    with pytest.raises(ValidationError) as caught:
        UploadRequest.model_validate({"model": "churn", "files": [file], "storage_group": name})
    [error] = caught.value.errors()
    assert error["loc"] == ("storage_group",)
    assert rule in error["msg"]
