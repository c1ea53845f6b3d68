"""Rules as users meet them: uploads held against them, and aliases that two people move."""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from registry import AsyncModelRegistryClient
from registry.errors import (
    AccessDeniedError,
    ApprovalNeededError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    VersionRejectedError,
)
from registry.schemas import Rules
from shared.runtime.settings import Settings
from tests.support.access import client_of, token_of
from tests.support.api import Api, file_of
from tests.support.eventually import eventually
from tests.support.problems import problem
from tests.support.system import System

TWO = {"protected_aliases": [{"alias": "prod*", "approvals": 2}]}
MAINTAINED = {"protected_aliases": [{"alias": "production", "approvals": 1}]}


class People:
    """Clients with tokens of their own."""

    def __init__(self, settings: Settings, stack: AsyncExitStack) -> None:
        self._settings, self._stack = settings, stack

    async def with_token(self, token: str) -> AsyncModelRegistryClient:
        """A client that is closed when the test ends."""
        return await self._stack.enter_async_context(client_of(self._settings, token))

    async def one(
        self, admin: AsyncModelRegistryClient, grant: str
    ) -> tuple[AsyncModelRegistryClient, str]:
        """A client of somebody new, and what the audit calls them."""
        made = await admin.tokens.create("somebody", [grant])
        return await self.with_token(made.token), f"token:{made.id}"


@pytest.fixture
async def people(settings: Settings) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        yield People(settings, stack)


@pytest.fixture
async def client(settings: Settings, people: People) -> AsyncModelRegistryClient:
    return await people.with_token(token_of(settings))


@pytest.fixture
def namespace() -> str:
    return f"n{uuid4().hex[:12]}"


@pytest.fixture
async def model(client: AsyncModelRegistryClient, namespace: str) -> str:
    """Two ready versions."""
    name = f"{namespace}.churn"
    for n in range(2):
        await client.upload(name, f"bytes {n}".encode(), path="m.bin")
    return name


async def test_rules_are_set_read_and_removed_at_their_revision(
    client: AsyncModelRegistryClient, namespace: str, model: str, api: Api
) -> None:
    scope = f"{namespace}.*"
    wide = await client.set_rules(scope, TWO, if_revision=0)
    assert (wide.scope, wide.revision, wide.by) == (scope, 1, "administrator")
    with pytest.raises(NotFoundError, match="has no rules of its own"):
        await client.get_rules(model)
    own = await client.set_rules(model, Rules(immutable_labels=True))
    assert await client.get_rules(model) == own
    assert await client.get_rules(scope) == wide
    applied = await client.effective_rules(model)
    assert applied.sources == {"protected_aliases": scope, "immutable_labels": model}
    assert applied.rules.protected_aliases == wide.rules.protected_aliases
    answer = await api.query.get(f"/v1/models/{model}/rules")
    assert answer.headers["etag"] == '"1"'
    with pytest.raises(ConflictError, match="at revision 1, and not at 4") as caught:
        await client.set_rules(model, TWO, if_revision=4)
    assert (caught.value.status, caught.value.code) == (412, "rules_changed")
    await client.remove_rules(model, if_revision=1)
    await client.remove_rules(model, if_revision=1)
    assert (await client.effective_rules(model)).sources == {"protected_aliases": scope}


async def test_what_is_no_rule_is_refused_by_its_field(
    client: AsyncModelRegistryClient, namespace: str, model: str, api: Api
) -> None:
    own = f"/v1/models/{model}/rules"
    for path, body, field in (
        (own, {"retention": {"keep_last_ready": 0}}, "retention.keep_last_ready"),
        (own, {"allowed_formats": ["docx"]}, "allowed_formats.0"),
        (own, {"required": {"metrics": ["auc", "a.b"]}}, "required.metrics.1"),
        (
            own,
            {"retention": {"keep_last_ready": 1, "keep_with_tags": ["$a"]}},
            "retention.keep_with_tags.0",
        ),
        ("/v1/namespaces/a.b/rules", {}, "namespace"),
    ):
        answer = await api.ingest.put(path, json=body)
        [error] = problem(answer, 422, "invalid_request")["errors"]
        assert error["field"] == field
    with pytest.raises(InvalidRequestError, match="no_such_rule"):
        await client.set_rules(model, {"no_such_rule": 1})
    with pytest.raises(NotFoundError, match="there is no model"):
        await client.set_rules(f"{namespace}.none", TWO)


async def test_an_upload_that_breaks_a_rule_is_refused_before_a_byte_is_sent(
    client: AsyncModelRegistryClient, namespace: str, model: str, api: Api
) -> None:
    required = {"metrics": ["auc"], "tags": ["team"], "model_card": True}
    rules = {"required": required, "allowed_formats": ["gguf", "onnx"]}
    await client.set_rules(f"{namespace}.*", rules)
    body = {"model": f"{namespace}.new", "files": [file_of("m.pkl", b"x")], "tags": {"team": "a"}}
    told = problem(await api.ingest.post("/v1/uploads", json=body), 422, "rule_broken")
    assert [each["field"] for each in told["errors"]] == ["metrics.auc", "files", "files.0.path"]
    assert told["rules"] == ["required.metrics", "required.model_card", "allowed_formats"]
    with pytest.raises(InvalidRequestError, match=r"by the rule required\.metrics of"):
        await client.upload(model, b"x", path="m.gguf", tags={"team": "a"})
    await client.set_rules(model, {"required": {}, "allowed_formats": ["unknown"]})
    assert (await client.upload(model, b"other", path="m.bin")).state == "ready"


async def test_an_edit_does_not_take_what_is_required_and_a_copy_has_to_have_it(
    client: AsyncModelRegistryClient, namespace: str, model: str
) -> None:
    other = f"{namespace}.other"
    plain = await client.upload(other, f"plain {model}".encode(), path="m.bin")
    await client.set_rules(model, {"required": {"tags": ["team"]}, "allowed_formats": ["unknown"]})
    data = f"tagged {model}".encode()
    version = await client.upload(model, data, path="m.bin", tags={"team": "a"})
    with pytest.raises(InvalidRequestError, match=r"tags\.team is required by the rule"):
        await client.update_version(model, version.number, tags={"team": None})
    edited = await client.update_version(model, version.number, tags={"team": "b", "x": "y"})
    assert edited.tags == {"team": "b", "x": "y"}
    with pytest.raises(InvalidRequestError, match=r"tags\.team is required by the rule"):
        await client.copy_version(other, plain.number, model)
    assert (await client.copy_version(model, version.number, model)).tags == edited.tags


async def test_a_file_that_turns_out_to_be_of_no_allowed_format_is_rejected(
    client: AsyncModelRegistryClient, model: str, api: Api
) -> None:
    await client.set_rules(model, {"allowed_formats": ["unknown"]})
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("a.txt", "text")
    data = archive.getvalue()  # its first bytes tell what it is, under any name
    session = await api.open(model, file_of("m.bin", data))
    await api.put(session.files[0], data)
    found = await api.version(model, session.number, wait=30)
    assert found.state == "rejected"
    [reason] = found.reasons
    assert (reason.code, reason.path) == ("rule_allowed_formats", "m.bin")
    assert f"by the rule allowed_formats of '{model}'" in reason.detail


async def test_stored_bytes_of_no_allowed_format_are_refused_alike(
    client: AsyncModelRegistryClient, namespace: str, model: str
) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("a.txt", namespace)
    free = await client.upload(f"{namespace}.free", archive.getvalue(), path="m.bin")
    assert free.artifacts[0].format == "zip"
    await client.set_rules(model, {"allowed_formats": ["unknown"]})
    with pytest.raises(VersionRejectedError, match="by the rule allowed_formats of"):
        await client.upload(model, archive.getvalue(), path="m.bin")


async def test_a_found_folder_that_lacks_what_is_required_is_rejected(
    client: AsyncModelRegistryClient, namespace: str, system: System, api: Api
) -> None:
    name = f"{namespace}.found"
    await client.set_rules(f"{namespace}.*", {"required": {"tags": ["team"], "model_card": True}})
    bucket = system.settings.minio_bucket
    system.s3.put_object(Bucket=bucket, Key=f"{name}/1/m.bin", Body=b"bytes")

    async def is_rejected() -> bool | None:
        answer = await api.query.get(f"/v1/models/{name}/versions/1")
        return (answer.status_code == 200 and answer.json()["state"] == "rejected") or None

    await eventually(is_rejected)
    reasons = (await api.version(name, 1)).reasons
    assert [each.code for each in reasons] == ["rule_required_tags", "rule_required_model_card"]


async def test_an_alias_that_is_left_to_maintainers_is_moved_by_one(
    client: AsyncModelRegistryClient, model: str, people: People
) -> None:
    await client.set_rules(model, MAINTAINED)
    writer, _ = await people.one(client, f"writer:{model}")
    other, _ = await people.one(client, f"writer:{model}")
    maintainer, name = await people.one(client, f"maintainer:{model}")
    with pytest.raises(AccessDeniedError, match="rule protected_aliases") as caught:
        await writer.set_alias(model, "production", 1)
    assert caught.value.code == "alias_protected"
    assert (await writer.set_alias(model, "staging", 1)).revision == 1
    with pytest.raises(AccessDeniedError, match=f"maintainer:{model}"):
        await writer.set_rules(model, {})
    proposal = await writer.propose_alias(model, "production", 1)
    with pytest.raises(AccessDeniedError, match="rule protected_aliases"):
        await other.approve_alias(model, "production", proposal.id)
    assert (await maintainer.approve_alias(model, "production", proposal.id)).by == name
    assert (await maintainer.set_alias(model, "production", 2)).by == name
    for call in (
        writer.rollback_alias(model, "production"),
        writer.remove_alias(model, "production"),
        writer.set_alias(model, "production", 1),
    ):
        with pytest.raises(AccessDeniedError, match="rule protected_aliases"):
            await call


async def test_an_alias_of_two_people_is_proposed_by_one_and_approved_by_another(
    client: AsyncModelRegistryClient, model: str, people: People, api: Api
) -> None:
    await client.set_rules(model, TWO)
    ann, ann_id = await people.one(client, f"writer:{model}")
    bob, bob_id = await people.one(client, f"alias:{model}@production")
    for mover in (ann, bob, client):  # an administrator is one person, too
        with pytest.raises(ApprovalNeededError, match="propose the move") as caught:
            await mover.set_alias(model, "production", 1 if mover is not bob else 2)
        assert (caught.value.status, caught.value.code) == (409, "approval_needed")
    proposal = await ann.propose_alias(model, "production", 1, reason="auc")
    assert (proposal.state, proposal.by, proposal.alias_revision) == ("open", ann_id, 0)
    with pytest.raises(AccessDeniedError, match="is your own") as own:
        await ann.approve_alias(model, "production", proposal.id)
    assert own.value.code == "own_proposal"
    path = f"/v1/models/{model}/aliases/production/proposals/{proposal.id}/approve"
    nobody = await api.ingest.post(path, headers={"authorization": ""})
    problem(nobody, 401, "unauthenticated")
    move = await bob.approve_alias(model, "production", proposal.id)
    assert (move.by, move.proposed_by, move.proposal) == (bob_id, ann_id, proposal.id)
    found = await client.get_alias(model, "production")
    assert (found.number, found.by, found.proposed_by) == (1, bob_id, ann_id)
    [entry] = [each async for each in client.alias_history(model, "production")]
    assert (entry.by, entry.proposed_by, entry.reason) == (bob_id, ann_id, "auc")
    with pytest.raises(ApprovalNeededError):
        await ann.remove_alias(model, "production")


async def test_a_proposal_is_stale_once_the_alias_moved_and_can_be_rejected(
    client: AsyncModelRegistryClient, model: str, people: People, api: Api
) -> None:
    await client.set_alias(model, "production", 1)
    path, key = f"/v1/models/{model}/aliases/production/proposals", {"idempotency-key": "asked"}
    early = await api.ingest.post(path, json={"version": 2}, headers=key)
    assert early.json()["state"] == "open"
    await client.set_alias(model, "production", 2)
    again = await api.ingest.post(path, json={"version": 2}, headers=key)
    assert (again.json()["id"], again.json()["state"]) == (early.json()["id"], "stale")
    await client.withdraw_alias(model, "production", early.json()["id"])
    await client.set_rules(model, TWO)
    ann, ann_id = await people.one(client, f"writer:{model}")
    with pytest.raises(ApprovalNeededError):
        await ann.rollback_alias(model, "production")
    first = await ann.propose_alias(model, "production", "1")
    gone = await ann.propose_alias(model, "production", remove=True)
    assert (await client.approve_alias(model, "production", gone.id)).to_number is None
    with pytest.raises(ConflictError, match="by now") as stale:
        await client.approve_alias(model, "production", first.id)
    assert stale.value.code == "proposal_stale"
    listed = [each async for each in client.list_alias_proposals(model, "production")]
    assert [each.state for each in listed] == ["approved", "stale", "withdrawn"]
    await client.withdraw_alias(model, "production", first.id)
    listed = [each async for each in client.list_alias_proposals(model, "production")]
    assert [each.state for each in listed] == ["approved", "rejected", "withdrawn"]

    async def is_told() -> bool | None:
        entries = client.audit(model=model, principal=ann_id, action="alias.propose")
        return [each.outcome async for each in entries] == ["done", "done"] or None

    await eventually(is_told)


def registry(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as the administrator."""
    return subprocess.run(
        [sys.executable, "-m", "registry", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_the_command_sets_shows_and_removes_rules(
    model: str, namespace: str, settings: Settings, tmp_path: Path
) -> None:
    url = ("--url", settings.ingest_url)
    scope = f"{namespace}.*"
    made = registry(
        *("rules", "set", scope, "--protect", "prod*=2", "--require-tag", "team"),
        *("--keep-last", "3", "--keep-tag", "release", "--if-revision", "0", *url),
    )
    assert made.returncode == 0, made.stderr
    assert "protected:     prod*=2" in made.stdout
    assert "kept:          the last 3 ready, with an alias, with tag release" in made.stdout
    file = tmp_path / "rules.toml"
    file.write_text("immutable_labels = true\n[required]\nmodel_card = true\n")
    own = registry("rules", "set", model, "--file", str(file), "--json", *url)
    assert json.loads(own.stdout)["rules"]["immutable_labels"] is True
    shown = registry("rules", "show", model, "--effective", *url).stdout
    assert f"protected:     prod*=2 ({scope})" in shown
    assert f"required:      model card ({model})" in shown
    wrong = registry("rules", "set", model, "--protect", "a=3", *url)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "protected_aliases.0.approvals" in wrong.stderr
    file.write_text("[")
    assert registry("rules", "set", model, "--file", str(file), *url).returncode == 2
    assert registry("rules", "remove", model, *url).returncode == 0
    assert registry("rules", "show", model, *url).returncode == 3


async def test_the_command_has_a_move_approved(
    client: AsyncModelRegistryClient, model: str, people: People, settings: Settings
) -> None:
    url = ("--url", settings.ingest_url)
    await client.set_rules(model, TWO)
    refused = registry("alias", "set", model, "production", "1", *url)
    assert (refused.returncode, refused.stderr.count("\n")) == (4, 1)
    assert "protected_aliases" in refused.stderr
    ann, ann_id = await people.one(client, f"writer:{model}")
    theirs = await ann.propose_alias(model, "production", 1)
    approved = registry("alias", "approve", model, "production", theirs.id, *url)
    assert approved.returncode == 0, approved.stderr
    assert f"proposed by:   {ann_id}" in approved.stdout
    propose = ("alias", "propose", model, "@production", "2", "--json", *url)
    late = registry(*propose, "--if-revision", "7")
    assert late.returncode == 4
    assert "revision 1" in late.stderr
    proposed = registry(*propose, "--if-revision", "1")
    proposal = json.loads(proposed.stdout)["id"]
    assert registry("alias", "approve", model, "production", proposal, *url).returncode == 4
    assert registry("alias", "withdraw", model, "production", proposal, *url).returncode == 0
    listed = registry("alias", "proposals", model, "production", "--json", *url).stdout
    states = [json.loads(line)["state"] for line in listed.splitlines()]
    assert states == ["withdrawn", "approved"]
