"""How values are shown."""

from services.query.ui.shown import label, underlined, words


def test_texts_of_others_are_escaped_isolated_and_bounded() -> None:
    assert words('<b a="1">') == "<bdi>&lt;b a=&#34;1&#34;&gt;</bdi>"
    assert words("\u202eabc") == "<bdi>\u202eabc</bdi>"
    assert words("a" * 600) == f"<bdi>{'a' * 500}…</bdi>"
    assert words({"a": "<i>"}) == "<bdi>{&#34;a&#34;: &#34;&lt;i&gt;&#34;}</bdi>"


def test_labels_of_drawings_turn_no_direction_and_are_bounded() -> None:
    assert label("\u202eabc\n\u2066") == "·abc··"
    assert label("a" * 70) == "a" * 60 + "…"
    assert label({"ä": True}, 4) == '{"ä"…'
    assert label("שלום") == "שלום"


def test_the_place_of_an_error_is_marked_also_behind_the_end() -> None:
    assert underlined("a<b", 2) == 'a<mark class="wrong">&lt;</mark>b'
    assert underlined("ab", 3) == 'ab<mark class="wrong">\u00a0</mark>'
