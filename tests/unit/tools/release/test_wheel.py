"""What a wheel must hold, and what it must not."""

import pytest

from tools.release.wheel import wheel_problems

SOUND = (
    "registry/__init__.py",
    "registry/py.typed",
    "model_version_registry-0.2.0.dist-info/METADATA",
)


def test_the_client_with_its_types_is_sound() -> None:
    assert wheel_problems(SOUND) == []


@pytest.mark.parametrize("name", SOUND[:2])
def test_what_is_missing_is_named(name: str) -> None:
    assert wheel_problems([kept for kept in SOUND if kept != name]) == [f"the wheel lacks {name}"]


def test_what_is_not_the_client_is_named_once() -> None:
    names = (*SOUND, "services/app.py", "services/other.py", "shared/settings.py")
    assert wheel_problems(names) == [
        "the wheel holds services, which is not the client",
        "the wheel holds shared, which is not the client",
    ]
