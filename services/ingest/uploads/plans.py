"""How a file travels: pure decisions on sizes, without any I/O."""

from collections.abc import Iterable

from registry.schemas import FileRequest
from registry.schemas.uploads import MAX_PARTS
from shared.domain.records import ArtifactRecord
from shared.runtime.settings import MIB, Settings


def plan_artifact(file: FileRequest, settings: Settings) -> ArtifactRecord:
    """Choose one PUT or a multipart upload; the key comes with the version number."""
    if file.size_bytes <= settings.upload_single_put_max_bytes:
        return ArtifactRecord(
            path=file.path,
            key="",
            size_bytes=file.size_bytes,
            kind="put",
            expected_sha256=file.sha256,
        )
    part_size = part_size_bytes(file.size_bytes, settings.upload_part_size_bytes)
    return ArtifactRecord(
        path=file.path,
        key="",
        size_bytes=file.size_bytes,
        kind="multipart",
        claimed_sha256=file.sha256,
        part_size_bytes=part_size,
        part_count=-(-file.size_bytes // part_size),
    )


def part_size_bytes(size_bytes: int, preferred_bytes: int) -> int:
    """Return the preferred part size, or the whole MiB above it that 10,000 parts suffice with."""
    needed = -(-size_bytes // MAX_PARTS)
    return max(preferred_bytes, -(-needed // MIB) * MIB)


def length_of_part(artifact: ArtifactRecord, number: int) -> int:
    """Return the size in bytes of part `number` (from 1); the last may be smaller."""
    part_size = artifact.part_size_bytes or 0
    return min(part_size, artifact.size_bytes - (number - 1) * part_size)


def missing_parts(artifact: ArtifactRecord, present: Iterable[tuple[int, int]]) -> list[int]:
    """Return the numbers of the parts that are absent or have another size than planned.

    `present` gives number and size in bytes of the parts that storage has.
    """
    sizes = dict(present)
    return [
        number
        for number in range(1, (artifact.part_count or 0) + 1)
        if sizes.get(number) != length_of_part(artifact, number)
    ]


def number_ranges(numbers: Iterable[int]) -> str:
    """Write ascending numbers for a person: "1-3, 7"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
