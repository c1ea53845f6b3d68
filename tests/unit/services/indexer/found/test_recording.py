"""What objects of no version come to when they are seen."""

from services.indexer.events.bucket_events import ObjectWritten
from services.indexer.found.recording import Sighting, sort_seen


def seen(*keys: str, reported: dict[str, str] | None = None, version: str | None = "v") -> Sighting:
    written = [ObjectWritten("models", key, version, size_bytes=5) for key in keys]
    return sort_seen(written, reported or {})


def test_the_objects_of_a_folder_are_one_entry_of_the_queue() -> None:
    found = seen("churn/1/a", "churn/1/b/c", "churn/v1/a")
    assert found.folders == {
        ("models", "churn/1/"): "churn/1/a",
        ("models", "churn/v1/"): "churn/v1/a",
    }
    assert found.new == {"models/churn/1/", "models/churn/v1/"}


def test_what_can_be_of_no_version_is_reported_with_its_size() -> None:
    [(stray, reason)] = seen("churn/00007/a").refused
    assert (stray.key, stray.size_bytes, reason.code) == ("churn/00007/a", 5, "outside_key_rule")


def test_a_marker_is_nothing() -> None:
    marker = ObjectWritten("models", "churn/1/", "v")
    assert sort_seen([marker], {}) == Sighting()


def test_a_stray_whose_report_is_final_is_not_looked_at_again() -> None:
    report = {"models/churn/1/a?versionId=v": "came_after_adoption"}
    found = seen("churn/1/a", reported=report)
    assert (found.known, found.folders) == ([*report], {})


def test_a_bucket_without_versions_may_have_another_object_under_the_key() -> None:
    report = {"models/churn/1/a?versionId=": "empty_object"}
    found = seen("churn/1/a", reported=report, version=None)
    assert (found.known, len(found.folders), found.new) == ([*report], 1, set())


def test_a_stray_that_may_become_a_version_yet_is_looked_at_but_is_not_new() -> None:
    for report in ("models/churn/1/a?versionId=v", "models/churn/1/?versionId="):
        found = seen("churn/1/a", reported={report: "too_many_files"})
        assert (found.known, len(found.folders), found.new) == ([report], 1, set())
