"""ONNX: one protobuf message, ModelProto, without a magic number.

Field numbers and types are those of `onnx.proto` (https://github.com/onnx/onnx). The graph is
skipped by its length; its weights are counted where that costs little.
"""

from dataclasses import dataclass, field
from typing import Final

from shared.formats.cursor import Cursor
from shared.formats.onnx_tensors import count_initializers
from shared.formats.plan import Candidate, Plan, Steps
from shared.formats.protobuf import (
    FIXED_BYTES,
    LENGTH_DELIMITED,
    VARINT,
    read_tag,
    read_varint,
    signed,
)
from shared.formats.report import FormatError, FormatReport, short_text

MAX_FILE_BYTES: Final = 2**31 - 1
"""No protobuf message is larger (https://protobuf.dev/programming-guides/proto-limits/); larger
models keep their weights in separate files."""
MAX_FIELDS: Final = 65_536
"""Top-level fields; exporters write one for each function and metadata entry, thousands at most."""
CHUNK_BYTES: Final = 64 * 1024
"""One read: small, for nearly all of a file is the graph, which is skipped."""
MAX_SMALL_FIELD_BYTES: Final = 64 * 1024
"""Longest operator set or producer name that is read; both are short identifiers."""
IR_VERSION: Final = 1
PRODUCER_NAME: Final = 2
GRAPH: Final = 7
OPSET_IMPORT: Final = 8
WIRE_TYPES: Final[dict[int, int]] = {
    IR_VERSION: VARINT,
    5: VARINT,  # model_version
    # producer_name, producer_version, domain, doc_string, graph, opset_import, metadata_props,
    # training_info, functions, configuration
    **dict.fromkeys((2, 3, 4, 6, 7, 8, 14, 20, 25, 26), LENGTH_DELIMITED),
}
"""Fields of ModelProto. Others may come with a later version: they are skipped, not refused."""
OPSET_SINCE_IR_VERSION: Final = 3
"""`opset_import` is required from here on, as onnx.checker has it."""


@dataclass(slots=True)
class Model:
    """What the walk keeps."""

    ir_version: int = 0
    producer: str = ""
    graphs: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Offset and length of the graph; protobuf lets a message be written in several pieces."""
    opsets: dict[str, int] = field(default_factory=dict[str, int])
    opset_imports: int = 0


def check_onnx(candidate: Candidate) -> Plan:
    """Walk the top-level fields to the end of the file; require what every model has.

    A file cut exactly between two optional fields is still a model, in protobuf's eyes and here.

    Raises:
        FormatError: `onnx_*`, named after the rule.

    """
    size_bytes = candidate.size_bytes
    if size_bytes > MAX_FILE_BYTES:
        raise FormatError(
            "onnx_too_large", f"The file has {size_bytes} bytes, the limit is {MAX_FILE_BYTES}."
        )
    cursor = Cursor(
        size_bytes,
        CHUNK_BYTES,
        lambda at, length: _overrun(size_bytes, at, length),
        candidate.budget,
    )
    model = Model()
    for _ in range(MAX_FIELDS):
        if cursor.at_end:
            break
        yield from _read_field(cursor, model)
    else:
        raise FormatError(
            "onnx_too_many_fields",
            f"More than {MAX_FIELDS} top-level fields before offset {cursor.position}.",
        )
    _check_required(model)
    details: dict[str, int | str] = {"ir_version": model.ir_version}
    if model.producer:
        details["producer"] = model.producer
    if "" in model.opsets:
        details["opset"] = model.opsets[""]
    totals = yield from count_initializers(candidate, model.graphs)
    if totals is not None:
        details["tensor_count"] = totals.count
        if totals.parameters is not None:
            details["parameter_count"] = totals.parameters
    return FormatReport("onnx", details=details, tensors=totals)


def _overrun(size_bytes: int, offset: int, length: int) -> FormatError:
    return FormatError(
        "onnx_truncated",
        f"The field at offset {offset} needs {length} bytes, past the file's end at {size_bytes}.",
    )


def _read_field(cursor: Cursor, model: Model) -> Steps[None]:
    """Read one top-level field: keep it, or skip it by its length."""
    offset = cursor.position
    number, wire_type = yield from read_tag(cursor)
    if WIRE_TYPES.get(number, wire_type) != wire_type:
        raise FormatError(
            "onnx_wire_type",
            f"Field {number} at offset {offset} has wire type {wire_type}, it must have "
            f"{WIRE_TYPES[number]}.",
        )
    if wire_type == VARINT:
        value = yield from read_varint(cursor)
        if number == IR_VERSION:
            model.ir_version = signed(value)
    elif wire_type == LENGTH_DELIMITED:
        length = yield from read_varint(cursor)
        yield from _read_value(cursor, model, number, length)
    else:
        cursor.skip(FIXED_BYTES[wire_type])


def _read_value(cursor: Cursor, model: Model, number: int, length: int) -> Steps[None]:
    """Read a length-delimited field that is kept, and skip any other."""
    if number == GRAPH:
        model.graphs.append((cursor.position, length))
    if number not in (PRODUCER_NAME, OPSET_IMPORT):
        cursor.skip(length)
        return
    if length > MAX_SMALL_FIELD_BYTES:
        raise FormatError(
            "onnx_field_too_large",
            f"Field {number} before offset {cursor.position} has {length} bytes, the limit is "
            f"{MAX_SMALL_FIELD_BYTES}.",
        )
    if number == PRODUCER_NAME:
        model.producer = short_text((yield from cursor.take(length)))
    else:
        yield from _read_opset(cursor, model, cursor.position + length)


def _read_opset(cursor: Cursor, model: Model, end: int) -> Steps[None]:
    """Read an OperatorSetIdProto: a domain (1) and a version (2)."""
    domain, version = "", 0
    while cursor.position < end:
        number, wire_type = yield from read_tag(cursor)
        if wire_type == VARINT:
            value = yield from read_varint(cursor)
            version = signed(value) if number == 2 else version
        elif wire_type == LENGTH_DELIMITED:
            length = yield from read_varint(cursor)
            raw = yield from cursor.take(min(length, end - cursor.position + 1))
            domain = short_text(raw) if number == 1 else domain
        else:
            cursor.skip(FIXED_BYTES[wire_type])
    if cursor.position != end:
        raise FormatError(
            "onnx_opset_import", f"opset_import must end at offset {end}, where its length says."
        )
    model.opsets["" if domain == "ai.onnx" else domain] = version  # two names of one domain
    model.opset_imports += 1


def _check_required(model: Model) -> None:
    if model.ir_version < 1:
        raise FormatError("onnx_ir_version_missing", "ir_version (field 1) must be positive.")
    if not model.graphs:
        raise FormatError("onnx_graph_missing", "A model must have a graph (field 7).")
    if model.ir_version >= OPSET_SINCE_IR_VERSION and not model.opset_imports:
        raise FormatError(
            "onnx_opset_import_missing",
            f"From ir_version {OPSET_SINCE_IR_VERSION} on, opset_import (field 8) is required.",
        )
