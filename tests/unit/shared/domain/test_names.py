"""What a reference of other tools to a version may mean."""

import pytest

from shared.domain.names import names_of_reference


@pytest.mark.parametrize(
    ("reference", "names"),
    [
        ("latest", ("latest",)),
        ("3", ("3",)),
        ("@production", ("@production",)),
        ("production", ("production", "@production")),
        ("1.0", ("1.0", "@1.0")),
        ("v3", ("v3", "@v3", "3")),
        ("v3.0", ("v3.0", "@v3.0")),
        ("v03", ("v03", "@v03")),
        ("v", ("v", "@v")),
    ],
)
def test_a_label_comes_before_an_alias_and_a_number_last(
    reference: str, names: tuple[str, ...]
) -> None:
    assert names_of_reference(reference) == names
