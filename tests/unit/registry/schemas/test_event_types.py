"""Types of events as people name them."""

import pytest

from registry.schemas.event_types import EVENT_TYPES, event_types, expanded_types, short_type


@pytest.mark.parametrize("full", EVENT_TYPES)
def test_a_type_is_named_whole_or_by_what_only_it_has(full: str) -> None:
    assert event_types(full) == event_types(short_type(full)) == (full,)


def test_the_last_part_of_a_name_will_do_where_no_other_type_has_it() -> None:
    assert event_types("ready") == ("registry.version.ready.v1",)
    with pytest.raises(ValueError, match=r"'edited' stands for several of version\.created, "):
        event_types("edited")


@pytest.mark.parametrize("text", ["alias.*", "registry.alias.*"])
def test_a_beginning_stands_for_each_type_that_has_it(text: str) -> None:
    assert set(event_types(text)) == {
        f"registry.alias.{each}.v1" for each in ("moved", "proposed", "withdrawn")
    }


def test_all_types_have_the_same_beginning() -> None:
    assert event_types("registry.*") == EVENT_TYPES


@pytest.mark.parametrize("text", ["", "*", ".*", "redy", "version", "version.", "stage.*", "v1"])
def test_what_stands_for_no_type_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is none of"):
        event_types(text)


def test_each_type_is_there_once() -> None:
    assert expanded_types(["ready", "version.ready", "alias.moved", "alias.*"]) == [
        "registry.version.ready.v1",
        "registry.alias.moved.v1",
        "registry.alias.proposed.v1",
        "registry.alias.withdrawn.v1",
    ]
