"""What differs between a source and here, as the fields of an edit. No I/O."""

from collections.abc import Mapping
from typing import TypeVar

from registry._edit_calls import ModelChanges, VersionChanges
from registry.importing.sources import FoundModel, FoundVersion
from registry.schemas import Model, Version

T = TypeVar("T")


def model_changes(here: Model, there: FoundModel) -> ModelChanges:
    """Return what to change of a model; what is said here alone stays."""
    changes: ModelChanges = {}
    if there.description and there.description != here.description:
        changes["description"] = there.description
    if tags := _differing(here.tags, there.tags):
        changes["tags"] = tags
    return changes


def version_changes(here: Version, there: FoundVersion) -> VersionChanges:
    """Return what to change of a version; what is said here alone stays."""
    changes: VersionChanges = {}
    if there.description and there.description != here.description:
        changes["description"] = there.description
    if tags := _differing(here.tags, there.tags):
        changes["tags"] = tags
    if metrics := _differing(here.metrics, there.metrics):
        changes["metrics"] = metrics
    if parameters := _differing(here.parameters, there.parameters):
        changes["parameters"] = parameters
    return changes


def _differing(here: Mapping[str, T], there: Mapping[str, T]) -> dict[str, T]:
    return {name: there[name] for name in there if name not in here or here[name] != there[name]}
