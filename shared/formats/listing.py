"""The tensors of a stored file, listed from its header."""

from dataclasses import dataclass

from shared.formats.check import check_format
from shared.formats.costs import TooCostly
from shared.formats.inventory import Inventory, Tensor, Totals
from shared.formats.plan import SMALL
from shared.formats.report import RangeReader
from shared.formats.sandbox.processes import CheckProcesses

TENSOR_FORMATS = frozenset(("safetensors", "gguf", "onnx"))
"""Formats whose headers tell of tensors."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What is inside a file."""

    totals: Totals
    tensors: list[Tensor]


async def list_tensors(
    file_name: str, reader: RangeReader, limit: int, processes: CheckProcesses
) -> Contents:
    """Return the tensors of a file of one of TENSOR_FORMATS, at most `limit` of them.

    Its header is parsed in a thread where it is small, and in a process of its own where not.

    Raises:
        TooCostly: it has more tensors, or a header that costs more than a check may.
        FormatError: it is none of these formats.
        CheckProcessFailed: nothing is known; to be tried again.
        OSError: the reader failed, as do the errors of its own.

    """
    inventory = Inventory(limit)
    try:
        report = await check_format(file_name, reader, SMALL, inventory)
        tensors = inventory.tensors()
    except TooCostly:
        report, tensors = await processes.list_tensors(file_name, reader, limit)
    return Contents(report.tensors or Totals(0, 0, 0), tensors)
