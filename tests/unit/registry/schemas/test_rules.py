"""What rules may say."""

from typing import Any

import pytest
from pydantic import ValidationError

from registry.schemas import Rules


@pytest.mark.parametrize(
    ("rules", "place"),
    [
        ({"immutable_labels": "yes"}, ("immutable_labels",)),
        ({"immutable_labels": 1}, ("immutable_labels",)),
        ({"required": {"model_card": "true"}}, ("required", "model_card")),
        (
            {"protected_aliases": [{"alias": "production", "approvals": True}]},
            ("protected_aliases", 0, "approvals"),
        ),
        (
            {"protected_aliases": [{"alias": "production", "approvals": 3}]},
            ("protected_aliases", 0, "approvals"),
        ),
    ],
)
def test_what_is_of_another_type_is_refused_and_not_turned_into_one(
    rules: dict[str, Any], place: tuple[str | int, ...]
) -> None:
    with pytest.raises(ValidationError) as refused:
        Rules.model_validate(rules)
    assert refused.value.errors()[0]["loc"] == place
