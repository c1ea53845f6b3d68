"""`registry export` and `registry import dir`: models as folders, there and back."""

import asyncio
import json
from pathlib import Path

from registry import AsyncModelRegistryClient
from registry.cli.exit_codes import ExitCode
from shared.runtime.settings import Settings
from tests.support.command import registry_command


async def test_what_is_exported_comes_back_as_it_was_and_only_once(
    settings: Settings, client: AsyncModelRegistryClient, model: str, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    (source / "below").mkdir(parents=True)
    (source / "one.bin").write_bytes(b"one")
    (source / "below" / "two.bin").write_bytes(b"two")
    said = {"description": "The first.", "tags": {"a": "b"}, "metrics": {"auc": 0.9}}
    await client.upload(model, source, **said)  # pyright: ignore[reportArgumentType] - as it takes them
    await client.upload(model, b"three", properties={"mlflow_empty_files": ["code/__init__.py"]})
    await client.set_alias(model, "production", 1)
    await client.update_model(model, description="About it.")
    url, out = settings.ingest_url, tmp_path / "out"

    async def command(*arguments: str) -> str:
        return await asyncio.to_thread(registry_command, *arguments, url=url)

    written = await command("export", model, str(out))
    assert written.splitlines() == [f"{model} version {n}: written" for n in (2, 1)]
    again = await command("export", model, str(out), "--version", "@production")
    assert again == f"{model} version 1: there already\n"
    assert (out / model / "1" / "below" / "two.bin").read_bytes() == b"two"
    assert (out / model / "2" / "code" / "__init__.py").read_bytes() == b""

    given = f"{model}.back"
    arguments = ("import", "dir", str(out), "--rename", f"{model}={given}", "--json")
    report = json.loads(await command(*arguments))
    assert (report["imported"], report["aliases_moved"], report["problems"]) == (2, 1, [])
    first = await client.get_version(given, "@production")
    assert first.model_dump(include=set(said)) == said
    assert (await client.get_model_info(given)).description == "About it."
    for number in (1, 2):
        there, back = [await client.get_version(each, number) for each in (model, given)]
        assert {a.path: a.sha256 for a in there.artifacts} == {
            a.path: a.sha256 for a in back.artifacts
        }
        assert there.properties == back.properties
    sequence = (await client.get_model_info(given)).sequence
    report = json.loads(await command(*arguments))
    assert (report["present"], report["imported"], report["updated"]) == (2, 0, 0)
    assert (await client.get_model_info(given)).sequence == sequence


def test_a_model_that_is_not_there_leaves_no_folder_behind(
    settings: Settings, model: str, tmp_path: Path
) -> None:
    out = str(tmp_path / "out")
    told = registry_command(
        "export", model, out, url=settings.ingest_url, status=ExitCode.NOT_FOUND
    )
    assert model in told
    assert list(tmp_path.iterdir()) == []
