"""Manifests: a version as it was opened, kept once beside the objects."""

from registry.schemas import UploadRequest
from services.ingest.context import Context
from services.ingest.uploads.opening import open_upload
from shared.database.client import Database
from shared.database.opening import open_version
from shared.database.versions import Versions
from shared.runtime.settings import Settings
from shared.storage.adapter import Storage
from shared.storage.manifests import keep_manifest, manifest_names, read_manifest
from tests.integration.drafts import OWNER, draft


async def test_a_manifest_is_read_back_as_it_was_kept_but_for_the_work(
    database: Database, storage: Storage, settings: Settings, model: str
) -> None:
    fields = {"label": "1.0 ü", "tags": {"team": "ünï"}, "metrics": {"auc": 0.5}}
    record = await open_version(database, draft(model, "a b.bin", "c/d.bin", key="k", **fields))
    await keep_manifest(record, storage, settings)
    assert await read_manifest(model, record.number, storage, settings) == record.model_copy(
        update={"work": None, "failure": None}
    )


async def test_a_second_writing_changes_nothing(
    database: Database, storage: Storage, settings: Settings, model: str
) -> None:
    record = await open_version(database, draft(model))
    await keep_manifest(record, storage, settings)
    await keep_manifest(record.model_copy(update={"description": "other"}), storage, settings)
    assert await read_manifest(model, record.number, storage, settings) == record


async def test_there_may_be_none(storage: Storage, settings: Settings, model: str) -> None:
    assert await read_manifest(model, 1, storage, settings) is None


async def test_the_names_of_all_versions_are_listed(
    database: Database, storage: Storage, settings: Settings, model: str
) -> None:
    records = [await open_version(database, draft(model)) for _ in range(3)]
    for record in records:
        await keep_manifest(record, storage, settings)
    names = [name async for page in manifest_names(storage, settings) for name in page]
    assert sorted(name for name in names if name[0] == model) == [(model, n) for n in (1, 2, 3)]


async def test_a_session_is_answered_once_its_manifest_is_kept(
    database: Database, storage: Storage, settings: Settings, model: str
) -> None:
    context = Context.create(settings, database, storage)
    files = [{"path": "model.bin", "size_bytes": 5}]
    asked = UploadRequest.model_validate({"model": model, "files": files, "description": "a model"})
    session, _ = await open_upload(asked, None, OWNER, context)
    kept = await read_manifest(model, session.number, storage, settings)
    assert kept == await Versions(database).get(session.version_id)
    assert kept is not None
    assert kept.description == "a model"
