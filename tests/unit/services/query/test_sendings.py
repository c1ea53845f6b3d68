"""A form that may be heard once is heard once."""

from services.query.sendings import MOST_KNOWN, Sendings


def test_a_form_is_heard_once_and_again_after_it_was_forgotten() -> None:
    sendings = Sendings()
    assert sendings.is_first("a")
    assert not sendings.is_first("a")
    assert sendings.is_first("b")
    sendings.forget("a")
    sendings.forget("never heard")
    assert sendings.is_first("a")


def test_what_is_remembered_has_a_bound() -> None:
    sendings = Sendings()
    for number in range(MOST_KNOWN + 1):
        assert sendings.is_first(str(number))
    assert not sendings.is_first(str(MOST_KNOWN))
    assert sendings.is_first("0")
