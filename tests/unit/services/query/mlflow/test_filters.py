"""MLflow's filters, read as terms of our search."""

import pytest

from services.query.mlflow.filters import equal_name, read_filter
from services.query.mlflow.searching import read_order
from services.query.search.language.bounds import MAX_FILTER_CHARACTERS
from services.query.search.language.errors import InvalidSearch
from services.query.search.language.nodes import (
    And,
    Field,
    Like,
    Node,
    Not,
    OneOf,
    OrderKey,
    Present,
    Range,
)

NAME, NUMBER = Field("name"), Field("version")
RUN = Field("tags.mlflow_run_id", is_entry=True)
PROMPT = Field("tags.mlflow%2Eprompt%2Eis_prompt", is_entry=True)


def tag(name: str) -> Field:
    return Field(f"tags.{name}", is_entry=True)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("name = 'churn'", [OneOf(NAME, ("churn",))]),
        ('name="it\'s"', [OneOf(NAME, ("it's",))]),
        ("name = 'it''s'", [OneOf(NAME, ("it's",))]),
        ("attribute.name LIKE 'a%'", [Like(NAME, "a%", is_folded=False)]),
        ("name ilike '%A'", [Like(NAME, "%A", is_folded=True)]),
        ("version_number >= 3", [Range(NUMBER, low=3)]),
        ("version_number < '4'", [Range(NUMBER, high=4, with_high=False)]),
        ("run_id IN ('a', 'b')", [OneOf(RUN, ["a", "b"])]),
        ("tags.stage = 'x AND y'", [OneOf(tag("stage"), ("x AND y",))]),
        ("tag.`a.b` != 'c'", [And((Present(tag("a%2Eb")), Not(OneOf(tag("a%2Eb"), ("c",)))))]),
        ('tags."a b" = "c"', [OneOf(tag("a b"), ("c",))]),
        ("tags.a.b = 'c'", [OneOf(tag("a%2Eb"), ("c",))]),
        ("tag.`mlflow.prompt.is_prompt` != 'true'", [Not(OneOf(PROMPT, ("true",)))]),
        ("name='a' and version_number=1", [OneOf(NAME, ("a",)), OneOf(NUMBER, (1,))]),
    ],
)
def test_a_filter_is_its_terms(text: str, terms: list[Node]) -> None:
    assert list(read_filter(text, "versions")) == terms


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("name", 1),
        ("name = churn", 1),
        ("name = 'a' OR name = 'b'", 12),
        ("name = 'a' AND", 15),
        ("weather = 'fine'", 1),
        ("version_number = 'x'", 1),
        ("version_number LIKE '1'", 1),
        ("name > 'a'", 1),
        ("name = 5", 8),
        ("version_number IN ('1')", 1),
        ("name LIKE '" + "%" * 17 + "'", 1),
        ("name = '" + "x" * 1025 + "'", 1),
        (" AND ".join(["name = 'a'"] * 101), 1500),
        ("name = '\0'", 1),
        ("x" * (MAX_FILTER_CHARACTERS + 1), MAX_FILTER_CHARACTERS + 1),
    ],
)
def test_what_is_no_filter_is_refused_with_its_place(text: str, column: int) -> None:
    with pytest.raises(InvalidSearch) as raised:
        read_filter(text, "versions")
    assert raised.value.members["column"] == column


def test_models_have_no_numbers_to_ask_for() -> None:
    with pytest.raises(InvalidSearch, match="models have name, tags"):
        read_filter("version_number = 1", "models")


def test_the_one_model_that_is_asked_for_is_known() -> None:
    assert equal_name(read_filter("version_number > 1 AND name = 'a'", "versions")) == "a"
    assert equal_name(read_filter("name LIKE 'a'", "versions")) is None


def test_an_order_is_read_and_has_a_default() -> None:
    assert list(read_order(["version_number DESC", "name"], "versions")) == [
        OrderKey(NUMBER, descending=True),
        OrderKey(NAME),
    ]
    assert list(read_order([], "models")) == [OrderKey(NAME)]
    for wrong in (["weather"], ["name DESC x"], ["name"] * 2, ["name"] * 5):
        with pytest.raises(InvalidSearch):
            read_order(wrong, "versions")
