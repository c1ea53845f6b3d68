"""What a change of a version writes: the fields that changed, and no more."""

from shared.database.announcing import changed_fields
from tests.support.records import artifact, version


def test_of_many_files_only_the_changed_ones_are_written() -> None:
    before = version(*(artifact(f"{n}.bin") for n in range(1000)))
    artifacts = list(before.artifacts)
    artifacts[7] = artifacts[7].model_copy(update={"state": "verified", "etag": "e"})
    after = before.model_copy(update={"artifacts": artifacts, "sequence": 5})
    fields = changed_fields(before, after)
    assert fields.keys() == {"artifacts.7", "sequence"}
    assert fields["artifacts.7"]["state"] == "verified"


def test_many_changed_files_are_written_as_one_list() -> None:
    before = version(*(artifact(f"{n}.bin") for n in range(100)))
    artifacts = [each.model_copy(update={"state": "verified"}) for each in before.artifacts]
    fields = changed_fields(before, before.model_copy(update={"artifacts": artifacts}))
    assert fields.keys() == {"artifacts"}


def test_a_field_that_becomes_empty_is_written_too() -> None:
    before = version(artifact("a")).model_copy(update={"label": "1.0"})
    after = before.model_copy(update={"label": None})
    assert changed_fields(before, after) == {"label": None}


def test_fields_of_a_newer_release_are_left_alone_also_inside_of_a_file() -> None:
    before = type(version(artifact("a"))).model_validate(
        {
            **version(artifact("a")).model_dump(by_alias=True),
            "signature": "s",
            "artifacts": [{**artifact("a").model_dump(), "scan": {"verdict": "clean"}}],
        }
    )
    changed = before.artifacts[0].model_copy(update={"state": "verified"})
    fields = changed_fields(before, before.model_copy(update={"artifacts": [changed]}))
    assert fields.keys() == {"artifacts.0"}
    assert fields["artifacts.0"]["scan"] == {"verdict": "clean"}


def test_other_files_are_written_as_a_whole() -> None:
    before = version(artifact("a"))
    after = before.model_copy(update={"artifacts": [artifact("a"), artifact("b")]})
    assert changed_fields(before, after).keys() == {"artifacts"}
