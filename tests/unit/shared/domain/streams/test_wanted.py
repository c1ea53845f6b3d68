"""Which events a reader gets, compared with the rules as a person would say them."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.access.actions import Action
from shared.domain.access.decision import visible_names
from shared.domain.access.grants import Grant
from shared.domain.streams.repeats import Recent
from shared.domain.streams.wanted import MAX_VALUES, BadFilter, Facts, Wanted
from tests.support.access_oracle import ROLES, oracle

NAMES = ("churn", "churn2", "risk", "risk.churn", "risk.churn.v2", "riskier.x", "Risk.churn", "r")
PATTERNS = (*NAMES, "risk.*", "risk.churn.*", "r.*", "*")
ALIASES = ("production", "staging", "p")
TYPES = (
    "registry.version.ready.v1",
    "registry.version.created.v1",
    "registry.alias.moved.v1",
    "registry.model.edited.v1",
)
TYPE_PATTERNS = (*TYPES, "registry.version.*", "registry.alias.*", "registry.*")

told = st.builds(
    Facts, st.sampled_from(NAMES), st.sampled_from(TYPES), st.sampled_from((None, *ALIASES))
)
grants = st.lists(
    st.one_of(
        st.builds("{}:{}".format, st.sampled_from((*ROLES, "events")), st.sampled_from(PATTERNS)),
        st.builds("alias:{}@{}".format, st.sampled_from(NAMES), st.sampled_from(ALIASES)),
    ).map(Grant.parse),
    max_size=4,
)


def is_given(values: list[str], found: str | None) -> bool:
    return not values or any(found is not None and fnmatchcase(found, each) for each in values)


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from(PATTERNS), max_size=3),
    st.lists(st.sampled_from(TYPE_PATTERNS), max_size=3),
    st.lists(st.sampled_from(ALIASES), max_size=2),
    grants,
    st.lists(told, min_size=10, max_size=40),
)
def test_an_event_comes_if_the_filters_want_it_and_the_grants_let_the_reader_have_it(
    models: list[str], types: list[str], aliases: list[str], held: list[Grant], events: list[Facts]
) -> None:
    wanted = Wanted.of(models, types, aliases)
    readable = visible_names(held, Action.FOLLOW)
    for event in events:
        expected = (
            is_given(models, event.model)
            and is_given(types, event.type)
            and is_given(aliases, event.alias)
            and oracle(held, Action.FOLLOW, event.model)
        )
        assert wanted.has(event, readable) == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", "risk*"),
        ("model", "a b"),
        ("model", "*.churn"),
        ("type", "registry.version.redy.v1"),
        ("type", "*"),
        ("type", "edited"),  # of a version, or of a model
        ("type", "version.*.v1"),
        ("alias", "latest"),
        ("alias", "*"),
    ],
)
def test_a_filter_that_could_never_want_anything_is_refused_with_its_field(
    field: str, value: str
) -> None:
    given: dict[str, list[str]] = {"models": [], "types": [], "aliases": []}
    given[{"model": "models", "type": "types", "alias": "aliases"}[field]] = [value]
    with pytest.raises(BadFilter) as refused:
        Wanted.of(**given)
    assert refused.value.field == field


def test_a_filter_has_so_many_values_and_no_more() -> None:
    Wanted.of(models=["churn"] * MAX_VALUES)
    with pytest.raises(BadFilter):
        Wanted.of(models=["churn"] * (MAX_VALUES + 1))


@given(st.lists(st.integers(0, 30), max_size=200), st.integers(1, 20))
def test_what_comes_again_among_the_last_ones_is_known_and_nothing_new_ever_is(
    numbers: list[int], limit: int
) -> None:
    recent, new = Recent(limit), list[int]()
    for number in numbers:
        is_new = recent.is_new(str(number))
        assert is_new == (number not in new[-limit:])
        if is_new:
            new.append(number)
