"""What names a version, in one text."""

import pytest

from registry._refs import Ref, parse_ref, spell
from registry.errors import InvalidRequestError


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("churn", Ref("churn", "latest")),
        ("churn@latest", Ref("churn", "latest")),
        ("churn@production", Ref("churn", "@production")),
        ("churn:@production", Ref("churn", "@production")),
        ("churn:3", Ref("churn", "3")),
        ("churn@3", Ref("churn", "3")),
        ("churn@v3", Ref("churn", "v3")),
        ("churn@1.2.0", Ref("churn", "1.2.0")),
        ("churn:a@b:c", Ref("churn", "a@b:c")),
        ("risk.churn:release 1/a/b.bin", Ref("risk.churn", "release 1", "a/b.bin")),
        (
            "registry://churn@production?at=2026-11-01T00:00:00+00:00/m.bin",
            Ref("churn", "@production?at=2026-11-01T00:00:00+00:00", "m.bin"),
        ),
    ],
)
def test_a_version_is_named(text: str, ref: Ref) -> None:
    assert parse_ref(text) == ref
    assert parse_ref(str(ref)) == ref


@pytest.mark.parametrize(
    "text", ["", "@production", ":3", "churn@", "/m.bin", "..", "a\nb", "m" * 3000]
)
def test_what_names_none_is_refused_with_the_rule(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="ref: must be"):
        parse_ref(text)


def test_it_is_spelled_in_one_way() -> None:
    assert (spell("m", 3), spell("m", "@a"), spell("m", "latest")) == ("m:3", "m@a", "m")
