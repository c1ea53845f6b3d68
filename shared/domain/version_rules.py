"""What the rules of a model demand of its versions: decided by what is known of one so far."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from registry.schemas import Reason, UploadRequest
from registry.schemas.rules import MODEL_CARD
from shared.domain.errors import Conflict, RuleBroken
from shared.domain.formats import UNKNOWN, possible_formats
from shared.domain.records import ArtifactRecord, VersionRecord
from shared.domain.rules import METADATA, Effective

MOST_TOLD = 100
"""Broken rules that one answer names."""


def _code_of(rule: str) -> str:
    return f"rule_{rule.replace('.', '_')}"


RULE_REASONS = tuple(
    _code_of(each)
    for each in ("allowed_formats", "required.model_card", *(f"required.{i}" for i in METADATA))
)
"""Codes of the reasons for which rules reject a version."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that a version breaks."""

    rule: str
    """Its name, e.g. `required.metrics`."""
    scope: str
    """Whose rule it is."""
    field: str
    """What breaks it, as a request names it."""
    demand: str
    path: str | None = None

    @property
    def told(self) -> str:
        """The demand, with the name of the rule."""
        return f"{self.demand} by the rule {self.rule} of {self.scope!r}"

    def reason(self) -> Reason:
        """Return it as the reason of a version that is rejected."""
        return Reason(code=_code_of(self.rule), detail=f"{self.field} {self.told}", path=self.path)


def require_allowed(applied: Effective, request: UploadRequest) -> None:
    """Raise RuleBroken where what an upload declares can become no version that is allowed."""
    broken = [
        *_lacking(applied, request, [file.path for file in request.files]),
        *_impossible(applied, [file.path for file in request.files]),
    ][:MOST_TOLD]
    if broken:
        raise _rule_broken(broken)


def require_version(applied: Effective, version: VersionRecord) -> None:
    """Raise RuleBroken where a version whose files are verified may not be one of its model."""
    against = (_against_format(applied, artifact) for artifact in version.artifacts)
    broken = [
        *_lacking(applied, version, _paths(version)),
        *(each for each in against if each is not None),
    ]
    if broken:
        raise _rule_broken(broken[:MOST_TOLD])


def require_kept(applied: Effective, before: VersionRecord, after: VersionRecord) -> None:
    """Raise RuleBroken where an edit takes from a version what the rules demand of it."""
    paths = _paths(before)
    lacked = set(_lacking(applied, before, paths))
    broken = [each for each in _lacking(applied, after, paths) if each not in lacked]
    if broken:
        raise _rule_broken(broken[:MOST_TOLD])


def lacks(applied: Effective, version: VersionRecord) -> list[Reason]:
    """Return what a version lacks that nobody declared: then nothing was said of it.

    One that was ready before lacks nothing: it is verified anew after a loss of the database.
    """
    if version.ready_at is not None:
        return []
    return [each.reason() for each in _lacking(applied, version, _paths(version))]


def _rule_broken(broken: Sequence[Broken]) -> RuleBroken:
    errors = [{"field": each.field, "rule": each.told} for each in broken]
    return RuleBroken(errors, list(dict.fromkeys(each.rule for each in broken)))


def against_format(
    applied: Effective, version: VersionRecord, artifact: ArtifactRecord
) -> Reason | None:
    """Return why a file of the format that was detected is not allowed; None where it is.

    It is in a version that was ready before, which is verified anew after a loss of the database.
    """
    broken = None if version.ready_at is not None else _against_format(applied, artifact)
    return broken.reason() if broken else None


def _against_format(applied: Effective, artifact: ArtifactRecord) -> Broken | None:
    allowed = applied.rules.allowed_formats
    found = artifact.format or UNKNOWN
    if allowed is None or found in allowed or _is_card(artifact.path, {found}):
        return None
    return _format_broken(applied, artifact.path, "", f"is {found}, which is not among the")


def reused_label(applied: Effective, model: str, label: str) -> Conflict | None:
    """Return why a label of a version that was ready names no other one; None where it may."""
    if not applied.rules.immutable_labels:
        return None
    detail = (
        f"label {label!r} of model {model!r} was that of a version that was ready: it names no"
        f" other one, by the rule immutable_labels of {applied.source('immutable_labels')!r}"
    )
    return Conflict("rule_immutable_labels", detail, field="version", rules=["immutable_labels"])


def _lacking(
    applied: Effective, said: UploadRequest | VersionRecord, paths: Iterable[str]
) -> Iterator[Broken]:
    required, scope = applied.rules.required, applied.source("required")
    if required is None:
        return
    for part in METADATA:
        there: Collection[str] = getattr(said, part)
        for name in getattr(required, part):
            if name not in there:
                yield Broken(f"required.{part}", scope, f"{part}.{name}", "is required")
    if required.model_card and MODEL_CARD not in paths:
        demand = f"must have a model card {MODEL_CARD}"
        yield Broken("required.model_card", scope, "files", demand)


def _paths(version: VersionRecord) -> list[str]:
    return [artifact.path for artifact in version.artifacts]


def _impossible(applied: Effective, paths: Iterable[str]) -> Iterator[Broken]:
    allowed = applied.rules.allowed_formats
    if allowed is None:
        return
    for index, path in enumerate(paths):
        possible = possible_formats(path)
        if possible.isdisjoint(allowed) and not _is_card(path, possible):
            demand = "can have none of the"
            yield _format_broken(applied, path, f"files.{index}.path", demand)


def _format_broken(applied: Effective, path: str, field: str, demand: str) -> Broken:
    allowed = ", ".join(applied.rules.allowed_formats or ())
    scope = applied.source("allowed_formats")
    demand = f"{demand} formats that are allowed ({allowed})"
    return Broken("allowed_formats", scope, field or repr(path), demand, path)


def _is_card(path: str, formats: Collection[str]) -> bool:
    """Whether it is the model card, which is text: no rule of formats is against that."""
    return path == MODEL_CARD and UNKNOWN in formats
