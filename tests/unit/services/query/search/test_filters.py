"""What a filter says, what is refused of it, and where."""

from pathlib import Path
from time import perf_counter

import pytest

from services.query.search.language.bounds import MAX_DEPTH, MAX_TERMS, MAX_VALUES
from services.query.search.language.errors import InvalidSearch
from services.query.search.language.fields import Kind
from services.query.search.language.nodes import (
    And,
    Field,
    Like,
    Not,
    OneOf,
    Or,
    OrderKey,
    Present,
    Range,
    Words,
)
from services.query.search.language.ordering import parse_order
from services.query.search.language.parsing import parse_filter
from services.query.search.projection.tables import open_file
from services.query.search.statements.patterns import after_prefix, glob_of, prefix_of
from shared.domain.errors import InvalidRequest

NAME, STATE = Field("name"), Field("state")
AUC = Field("metrics.auc", is_entry=True)


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("name = churn", OneOf(NAME, ("churn",))),
        ("NAME = 'it''s'", OneOf(NAME, ("it's",))),
        ("name = risk.churn", OneOf(NAME, ("risk.churn",))),
        ("label = 1.0", OneOf(Field("label"), ("1.0",))),
        ("name = ANDROID", OneOf(NAME, ("ANDROID",))),
        ("tags.and = x", OneOf(Field("tags.and", is_entry=True), ("x",))),
        ("metrics.auc >= .9", Range(AUC, low=0.9)),
        ("metrics.auc < 1e-3", Range(AUC, high=0.001, with_high=False)),
        ("created_at < 1970-01-02", Range(Field("created_at"), high=86_400_000, with_high=False)),
        (
            "created_at = '1970-01-01T01:00:00.0005+01:00'",
            OneOf(Field("created_at"), (0.5,)),
        ),
        ("params.on = TRUE", OneOf(Field("params.on", is_entry=True), (True,))),
        ("parameters.on = 'true'", OneOf(Field("params.on", is_entry=True), ("true",))),
        ("state IS NULL", Not(Present(STATE))),
        ("state is not null", Present(STATE)),
        ("state != ready", And((Present(STATE), Not(OneOf(STATE, ("ready",)))))),
        ("name ILIKE '%A_'", Like(NAME, "%A_", is_folded=True)),
        ("tags HAS team", Present(Field("tags.team", is_entry=True))),
        ("alias HAS production", OneOf(Field("alias"), ("production",))),
        ("text HAS 'Fraud, det*'", Words(["Fraud", "det*"])),
        ('metrics."val""/x" = 1', OneOf(Field('metrics.val"/x', is_entry=True), (1,))),
        (
            "name = a OR name = b AND NOT state = c",
            Or(
                [
                    OneOf(NAME, ("a",)),
                    And([OneOf(NAME, ("b",)), Not(OneOf(STATE, ("c",)))]),
                ]
            ),
        ),
        ("  ", None),
    ],
)
def test_a_filter_is_read_as_it_is_meant(text: str, node: object) -> None:
    assert parse_filter(text, "versions") == node


@pytest.mark.parametrize(
    ("text", "column", "told"),
    [
        ("metrics.auc > ", 15, "a number"),
        ("(name = a", 10, "expected )"),
        ("name == a", 7, "not '='"),
        ("name = 'a", 8, "does not end"),
        ("name a", 6, "expected one of ., ="),
        ("state", 6, "not the end"),
        ("metrics.auc > high", 15, "compared with a number"),
        ("created_at > yesterday", 14, "a time such as"),
        ("name = a AND nothing = 1", 14, "has no field 'nothing'"),
        ("metrics = 1", 1, "needs an entry"),
        ("metrics.auc LIKE 'a'", 18, "holds no text"),
        ("params.on > true", 13, "no order"),
        ("params.x BETWEEN 1 AND 'a'", 24, "one type"),
        ("size > 9223372036854775808", 8, "64 bits"),
        ("metrics.auc < 1e999", 15, "finite"),
        ("text HAS '--'", 10, "1 to 16 words"),
        ("name LIKE '" + "%" * 17 + "'", 11, "at most 16"),
        ("name = '" + "a" * 1025 + "'", 8, "at most 1024 characters"),
        ("name = a\0", 1, "NUL"),
        ("name = '\ud800'", 1, "Unicode"),
        ("NOT " * (MAX_DEPTH + 1) + "name = a", 4 * MAX_DEPTH + 1, "levels"),
        ("(" * 2000 + "name = a", 2009, "expected"),
        (" OR ".join(["size=1"] * (MAX_TERMS + 1)), None, "terms"),
        (f"size IN ({','.join('1' * (MAX_VALUES + 1))})", None, "values"),
        ("name = a" + " " * 4096, 4097, "at most 4096"),
    ],
)
def test_what_is_wrong_is_told_with_its_column(text: str, column: int | None, told: str) -> None:
    with pytest.raises(InvalidSearch) as raised:
        parse_filter(text, "versions")
    assert told in str(raised.value)
    if column is not None:
        assert raised.value.members["column"] == column


def test_each_kind_has_its_own_fields() -> None:
    assert parse_filter("latest > 3", "models") is not None
    for text, kind in (("latest > 3", "versions"), ("metrics.auc > 1", "models")):
        which: Kind = kind  # pyright: ignore[reportAssignmentType]
        with pytest.raises(InvalidSearch, match="has no field"):
            parse_filter(text, which)


def test_an_order_is_read_and_the_newest_come_first_by_default() -> None:
    assert parse_order((), "models") == [OrderKey(Field("created_at"), descending=True)]
    assert parse_order(["metrics.auc DESC", ' tags."a b" asc '], "versions") == [
        OrderKey(AUC, descending=True),
        OrderKey(Field("tags.a b", is_entry=True)),
    ]


@pytest.mark.parametrize(
    "keys", [["nothing"], ["name down"], [""], ["name", "name desc"], ["name; x"], ["size"] * 5]
)
def test_another_order_is_refused(keys: list[str]) -> None:
    with pytest.raises(InvalidRequest, match="order_by"):
        parse_order(keys, "versions")


def test_a_pattern_means_in_glob_what_it_means_in_like() -> None:
    assert glob_of("a%b_[*?") == "a*b?[[][*][?]"
    assert (prefix_of("ab_c%"), prefix_of("%a"), prefix_of("abc")) == ("ab", "", "abc")
    assert (after_prefix("ab"), after_prefix(""), after_prefix("a\U0010ffff")) == ("ac", None, "b")
    assert after_prefix("\ud7ff") == "\ue000", "no surrogate, which UTF-8 cannot hold"


def test_no_pattern_takes_longer_than_text_times_pattern(tmp_path: Path) -> None:
    """A matcher that tries each % again would take 16,000 to the power of 15 steps."""
    connection = open_file(tmp_path / "x.sqlite")
    pattern = glob_of("%a" * 15 + "%b")
    begun = perf_counter()
    [(matches,)] = connection.execute("SELECT ? GLOB ?", ("a" * 16_000, pattern))
    assert not matches
    assert perf_counter() - begun < 5, "it takes a millisecond"
    connection.close()
