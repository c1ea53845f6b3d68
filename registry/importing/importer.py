"""An importing run: each version of a source becomes one here, once, however often it runs.

A version is found again by its identity, which is its client id and its idempotency key here. So
a run that was interrupted anywhere goes on where it stopped, and a repeated one changes nothing.
"""

import asyncio
import hashlib
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

from registry.aio import AsyncModelRegistryClient
from registry.errors import NotFoundError, RegistryError, UnavailableError
from registry.importing.folders import prepared
from registry.importing.merging import model_changes, version_changes
from registry.importing.names import Names
from registry.importing.report import MOST_PROBLEMS, ImportReport, Problem, Watch
from registry.importing.sources import FoundModel, FoundVersion, ImportRefused, ModelSource
from registry.schemas import Version
from registry.schemas.names import check_version
from registry.transfer.progress import Progress

AT_ONCE = 4
"""Versions that travel at the same time: each has its files on this machine meanwhile."""
MOST_IN_A_ROW = 10
"""Versions that fail one after the other, since a server does not answer, before a run ends."""


@dataclass
class Importer:
    """One run from a source to a registry."""

    source: ModelSource
    client: AsyncModelRegistryClient
    at_once: int = AT_ONCE
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    dry_run: bool = False
    folder: Path | None = None
    """Where files lie while they travel; None: the system's folder for temporary files."""
    watch: Watch | None = None
    """Told how far the run is."""

    async def run(self) -> ImportReport:
        """Bring in what is not here; returns what was done, and what was not and why."""
        begun = monotonic()
        tally = _Tally(self.watch)
        names = Names(self.renamed)
        async for model in self.source.models():
            tally.count("models")
            async with tally.problems_of(model.name):
                if model.problem:
                    raise ImportRefused(model.problem)
                await self._bring_model(model, names.given(model.name), tally)
        return ImportReport(
            dry_run=self.dry_run,
            seconds=round(monotonic() - begun, 3),
            problems=tally.problems,
            **tally.counts,
        )

    async def _bring_model(self, model: FoundModel, name: str, tally: "_Tally") -> None:
        turn = asyncio.Semaphore(self.at_once)
        here: set[str] = set()
        """Versions that are here now, as the source calls them."""

        async def bring(version: FoundVersion) -> None:
            try:
                async with tally.problems_of(model.name, version=str(version.version)):
                    wanted = _requested(version.version)
                    await self._bring_version(replace(version, version=wanted), name, tally)
                    here.add(str(wanted))
            finally:
                tally.looked_at()
                turn.release()

        async with _plain_errors(), asyncio.TaskGroup() as group:
            async for version in self.source.versions(model):
                await turn.acquire()
                group.create_task(bring(version))
        if here and not self.dry_run:
            await self._describe_model(model, name, tally)
        for alias, version in model.aliases.items():
            async with tally.problems_of(model.name, alias=alias):
                if str(version) not in here:
                    raise ImportRefused(f"version {version}, to which it points, is not here")
                await self._point(name, alias, version, tally)

    async def _bring_version(self, version: FoundVersion, name: str, tally: "_Tally") -> None:
        identity = identity_of(version)
        found = await self._named(name, version.version)
        if found is not None and found.client_id != identity:
            told = f"version {version.version} of {name!r} is here, and comes from elsewhere"
            raise ImportRefused(told)
        if found is not None and found.state in ("rejected", "deleted"):
            reasons = "; ".join(each.detail for each in found.reasons)
            raise ImportRefused(f"it was brought in, and is {found.state} here: {reasons}")
        version = await self.source.described(version)
        if found is not None and found.state in ("ready", "missing"):
            await self._update(found, version, tally)
            return
        if self.dry_run:
            tally.count("imported")
            return
        with tempfile.TemporaryDirectory(prefix="registry-import-", dir=self.folder) as made:
            folder = await self.source.fetch(version, Path(made))
            uploaded = await self._upload(version, name, identity, folder, tally.sending())
        tally.count("imported")
        tally.count("bytes", uploaded.size_bytes)

    async def _upload(
        self, version: FoundVersion, name: str, identity: str, folder: Path, progress: Progress
    ) -> Version:
        preparing = prepared(folder, self.folder)
        files = await asyncio.to_thread(preparing.__enter__)
        try:
            return await self.client.upload(
                name,
                files.folder,
                version=version.version,
                client_id=identity,
                idempotency_key=identity,
                progress=progress,
                description=version.description,
                framework=version.framework,
                metrics=version.metrics,
                parameters=version.parameters,
                tags=version.tags,
                properties={**version.properties, **files.properties},
                lineage={"run": {"id": version.run_id}} if version.run_id else {},
            )
        finally:
            await asyncio.to_thread(preparing.__exit__, None, None, None)

    async def _update(self, here: Version, version: FoundVersion, tally: "_Tally") -> None:
        """Have what is said here be what is said at the source; what only is here stays."""
        changes = version_changes(here, version)
        if not changes:
            tally.count("present")
            return
        if not self.dry_run:
            await self.client.update_version(here.model, here.number, **changes)
        tally.count("updated")

    async def _describe_model(self, model: FoundModel, name: str, tally: "_Tally") -> None:
        here = await self.client.get_model_info(name)
        if changes := model_changes(here, model):
            await self.client.update_model(name, **changes)
            tally.count("described")

    async def _point(self, name: str, alias: str, version: str | int, tally: "_Tally") -> None:
        target = await self._named(name, version)
        if target is None and self.dry_run:
            tally.count("aliases_moved")
        elif target is not None and alias not in target.aliases:
            if not self.dry_run:
                await self.client.set_alias(name, alias, target.number)
            tally.count("aliases_moved")

    async def _named(self, name: str, version: str | int) -> Version | None:
        try:
            return await self.client.get_version(name, version)
        except NotFoundError:
            return None


def _requested(version: str | int) -> str | int:
    try:
        return check_version(version)
    except ValueError as error:
        raise ImportRefused(f"{version!r} is no version: it {error}") from None


def identity_of(version: FoundVersion) -> str:
    """Return what a version is found again by."""
    return f"import-{hashlib.sha256(version.identity.encode()).hexdigest()[:40]}"


@asynccontextmanager
async def _plain_errors() -> AsyncGenerator[None]:
    """Raise the first error of a group of tasks as it is."""
    try:
        yield
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from group


@dataclass
class _Tally:
    """Counts and problems while a run goes on."""

    watch: Watch | None = None
    counts: Counter[str] = field(default_factory=Counter[str])
    """By the names of the report's fields."""
    problems: list[Problem] = field(default_factory=list[Problem])
    _failed_in_a_row: int = 0
    _versions: int = 0
    _sent_bytes: int = 0

    def looked_at(self) -> None:
        """Tell of one version more that is done with."""
        self._versions += 1
        self._tell()

    def sending(self) -> Progress:
        """Return what is to be told how far one upload is."""
        before = 0

        def report(done_bytes: int, _total_bytes: int) -> None:
            nonlocal before
            self._sent_bytes += done_bytes - before
            before = done_bytes
            self._tell()

        return report

    def _tell(self) -> None:
        if self.watch is not None:
            self.watch(self._versions, self._sent_bytes)

    def count(self, name: str, by: int = 1) -> None:
        """Count one more."""
        self.counts[name] += by

    @asynccontextmanager
    async def problems_of(
        self, model: str, *, version: str | None = None, alias: str | None = None
    ) -> AsyncGenerator[None]:
        """Let the others go on where the block cannot.

        Once MOST_IN_A_ROW failed one after the other, a server is away, and the run ends: raises
        UnavailableError.
        """
        try:
            yield
            self._failed_in_a_row = 0
        except (ImportRefused, RegistryError) as error:
            kind = "failed" if isinstance(error, UnavailableError) else "refused"
            self._add(
                Problem(model=model, version=version, alias=alias, kind=kind, reason=str(error))
            )
            self._failed_in_a_row = self._failed_in_a_row + 1 if kind == "failed" else 0
            if self._failed_in_a_row >= MOST_IN_A_ROW:
                raise

    def _add(self, problem: Problem) -> None:
        self.count(problem.kind)
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)
