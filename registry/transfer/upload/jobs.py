"""Which bytes of an upload are still to be sent, hashed and signed ahead of their sending."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from registry._api import Api
from registry.errors import ProtocolError
from registry.schemas import FilePlan, PartRequest, SignedRequest
from registry.transfer.upload.hashing import PartDigests, hash_in_thread, hash_parts
from registry.transfer.upload.plan import Part, batches, missing_parts, split
from registry.transfer.upload.sources import SourceFile


@dataclass(frozen=True, slots=True)
class Job:
    """A range of a file, and the signed request that takes it."""

    file: SourceFile
    part: Part
    sha256: str
    signed: SignedRequest
    sign_again: Callable[[], Awaitable[SignedRequest]]
    """Asks for a fresh URL."""


class Jobs:
    """Makes the jobs of one upload; part digests are kept for whoever needs them later."""

    def __init__(
        self, api: Api, upload_id: str, sha256: dict[str, str], part_digests: PartDigests
    ) -> None:
        self._api, self._upload_id = api, upload_id
        self._sha256, self._part_digests = sha256, part_digests

    async def of(self, file: SourceFile, plan: FilePlan) -> AsyncIterator[list[Job]]:
        """Yield what storage lacks of a file, in batches small enough to start early."""
        if plan.uploaded:
            return
        if plan.kind == "put":
            yield [await self._whole(file, plan)]
            return
        for batch in batches(missing_parts(plan.parts, split(plan))):
            yield await self._parts(file, batch)

    async def _whole(self, file: SourceFile, plan: FilePlan) -> Job:
        put = plan.put
        if put is None:
            raise ProtocolError(f"the plan of {plan.path} has no signed request")

        async def sign_again() -> SignedRequest:
            session = await self._api.get_upload(self._upload_id)
            fresh = next((each.put for each in session.files if each.path == plan.path), None)
            # There is no fresh one when storage has the file by now: it answers the old one by 412.
            return fresh or put

        if file.path not in self._sha256:
            # Files above HASH_FIRST_BYTES were not hashed before; a single PUT signs the digest.
            self._sha256[file.path] = await hash_in_thread(file)
        whole = Part(1, 0, file.size_bytes)
        return Job(file, whole, self._sha256[file.path], put, sign_again)

    async def _parts(self, file: SourceFile, batch: Sequence[Part]) -> list[Job]:
        digests = self._part_digests.setdefault(file.path, {})
        await hash_parts(file, batch, digests)

        async def sign(parts: Sequence[Part]) -> dict[int, SignedRequest]:
            asked = [PartRequest(number=part.number, sha256=digests[part.number]) for part in parts]
            answer = await self._api.sign_parts(self._upload_id, file.path, asked)
            signed = {each.number: each for each in answer.parts}
            if signed.keys() != {part.number for part in parts}:
                raise ProtocolError(f"not every part of {file.path} was signed")
            return dict(signed)

        signed = await sign(batch)

        def job(part: Part) -> Job:
            async def sign_again() -> SignedRequest:
                return (await sign([part]))[part.number]

            return Job(file, part, digests[part.number], signed[part.number], sign_again)

        return [job(part) for part in batch]
