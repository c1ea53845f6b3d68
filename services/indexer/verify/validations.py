"""What an artifact of attested bytes must satisfy to count: a row for each kind of check."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from registry.schemas import Reason
from shared.formats.check import check_format
from shared.formats.plan import SMALL
from shared.formats.report import FormatError, RangeReader
from shared.formats.sandbox.processes import CheckProcesses, check_at_leisure, limits_of
from shared.formats.summaries import summary_of
from shared.runtime.settings import Settings

Facts: TypeAlias = Mapping[str, Any]
"""Fields of the artifact's record that a validation found."""


class Validation(Protocol):
    """One kind of check."""

    async def check(self, path: str, reader: RangeReader, *, at_leisure: bool) -> Facts | Reason:
        """Return what was found of a file, or why its version must be rejected.

        Unless `at_leisure`, others wait: raises TooCostly where it needs more than a moment, and is
        then asked again by a worker. Raises the errors of the reader.
        """
        ...


class ContainerFormat:
    """A file is the format that it claims to be, and its header is true."""

    def __init__(self, processes: CheckProcesses) -> None:
        self._processes = processes

    async def check(self, path: str, reader: RangeReader, *, at_leisure: bool) -> Facts | Reason:
        """Check the container by a few ranged reads; also raises CheckProcessFailed."""
        try:
            if at_leisure:
                report = await check_at_leisure(path, reader, self._processes)
            else:
                report = await check_format(path, reader, SMALL)
        except FormatError as error:
            return Reason(code=error.code, detail=str(error), path=path)
        return {
            "format": report.format,
            "media_type": report.media_type,
            "details": report.details,
            "tensors": summary_of(report.tensors) if report.tensors is not None else None,
        }


def validations_of(settings: Settings) -> Sequence[Validation]:
    """Return the validations that every artifact must pass, in their order."""
    processes = CheckProcesses(limits_of(settings), settings.format_check_processes)
    return (ContainerFormat(processes),)
