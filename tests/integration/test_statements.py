"""Every statement has its index: what it costs does not grow with the collection.

Each query and each write of shared/database is run here, and its filter held against the indexes
that services verify. A real MongoDB is asked for its plan as well; SecantusDB's plans are not those
that it follows. Clocks prove nothing on a busy machine.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest

from registry.schemas import ModelDescription, Reason, Retention, Rules
from registry.schemas.links import Link
from services.indexer.figures.counts import NotCounted
from shared.database import (
    alias_moves,
    aliases,
    audit,
    blobs,
    browser_sessions,
    catalog,
    commits,
    depths,
    edits,
    found_folders,
    lineage,
    proposals,
    purges,
    references,
    reports,
    retention,
    rules,
    storage_groups,
    strays,
    tokens,
    work,
)
from shared.database import staged as staging
from shared.database.client import Database
from shared.database.collection import Transaction
from shared.database.deletion import begin_purge, change_version, finish_purge, purge_again
from shared.database.handles import resolve_handle
from shared.database.leases import run_under_lease
from shared.database.lifecycle import mark_missing, mark_present, reject, settle, settle_whole
from shared.database.models import (
    each_model,
    find_model,
    known_models,
    make_model,
    page_of_models,
    raise_counters,
)
from shared.database.opening import Wish, open_version, open_versions
from shared.database.outbox import Outbox
from shared.database.part_digests import keep_part_digests, read_part_digests
from shared.database.recovery.aliases import restore_alias, restore_moves
from shared.database.recovery.edits import make_edits_again, restore_edits
from shared.database.recovery.handles import restore_handles
from shared.database.recovery.lineage import restore_edges
from shared.database.recovery.proposals import restore_proposals
from shared.database.recovery.references import restore_references
from shared.database.recovery.rules import restore_rules
from shared.database.recovery.versions import (
    announce_version,
    known_numbers,
    restore_model,
    restore_version,
)
from shared.database.sessions import (
    add_upload_token,
    clean_again,
    clean_surplus,
    complete_session,
    finish_join,
    overdue_sessions,
)
from shared.database.versions import Versions
from shared.database.webhooks import deliveries, queues, subscriptions
from shared.database.webhooks.deliveries import DeliveryFilter
from shared.database.webhooks.disabling import disable_subscription
from shared.database.webhooks.facts import version_facts
from shared.domain import deletion
from shared.domain.access.audit import AuditRecord, ChangeEnd
from shared.domain.access.browser_sessions import SessionRecord
from shared.domain.access.decision import EVERY_NAME, NameFilter
from shared.domain.access.tokens import TokenRecord, TokenText
from shared.domain.aliases import UNCONDITIONAL, Mover, MoveRecord, require_ready
from shared.domain.blobs import bytes_of, referring
from shared.domain.edits import WantedEdit
from shared.domain.found_folders import FoundFolder, Settling
from shared.domain.part_digests import PartDigests
from shared.domain.proposals import ProposalRecord
from shared.domain.records import CommitRecord, VersionRecord, new_id, utc_now
from shared.domain.webhooks.records import AttemptRecord
from shared.domain.webhooks.signing import new_secret
from tests.integration.drafts import (
    OWNER,
    draft,
    parent_link,
    pending_events,
    staged,
    to_be_read,
    verified,
)
from tests.integration.statements import (
    Statements,
    places_in_the_source,
    record_statements,
    scanned_by_the_server,
    scanning,
    tells_its_plans,
    texts_of_the_source,
)
from tests.integration.webhook_drafts import OWNER as OWNER_OF_WEBHOOK
from tests.integration.webhook_drafts import delivery, subscribed
from tests.support.eventually import eventually
from tests.support.records import SHA256

LEASE = timedelta(seconds=60)
WHOLE = {
    *("storage_groups.find {'state': ['$nin']}", "storage_groups.find {}"),
    *("models.find {}", "versions.find {}"),
}
"""Statements that are meant to read a collection from its beginning: one is small, one is paged,
and search reads every version once, when it makes its file."""


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Statements:
    return record_statements(monkeypatch)


@pytest.fixture
async def model(database: Database) -> str:
    """A name of its own in an empty queue."""
    await database.versions.driver.update_many({}, {"$set": {"work": None}})
    return f"model-{uuid4().hex}"


async def use_lifecycle(database: Database, model: str) -> VersionRecord:
    labelled = draft(model, "a", "b", key=new_id(), client_id=new_id(), label="1.0")
    record = await open_version(database, labelled)
    await settle(database, [verified(record, index) for index in range(2)])
    lost = [Reason(code="object_missing", detail="it is gone")]
    assert await mark_missing(database, record.id, lost) is not None
    assert await mark_present(database, record.id) is not None
    other = await open_version(database, draft(model, key=new_id(), label="2.0"))
    assert await reject(database, other.id, lost[0], session_state="aborted") is not None
    return record


async def use_reads(database: Database, record: VersionRecord) -> None:
    versions = Versions(database)
    assert await versions.get(record.id) is not None
    assert await versions.find(record.id) is not None
    assert record.session is not None
    assert (
        await versions.by_idempotency_key(record.session.idempotency_key or "", OWNER, record.model)
        is not None
    )
    assert await versions.by_keys([each.key for each in record.artifacts])
    assert await versions.by_ids([record.id])
    assert await versions.by_number(record.model, record.number) is not None
    assert await versions.by_label(record.model, "1.0") is not None
    assert await versions.by_client_id(record.client_id or "", OWNER, EVERY_NAME) is not None
    assert await versions.by_client_id("nobody's", OWNER, EVERY_NAME) is None
    for before in (100, None):
        found, _ = await versions.summaries(
            record.model, before=before, limit=5, max_bytes=1_000_000
        )
        assert found
    assert await versions.records_below(record.model, before=100, limit=5)
    for before in (100, None):
        assert await versions.ready_below(record.model, before=before, limit=5)
    assert await versions.by_digest(record.model, record.id * 2) is None
    assert await versions.records_of(record.model, after=0, limit=5)
    assert await versions.placed_of(record.model, after=0, limit=5)
    assert await known_models(database, [record.model, "unknown"]) == {record.model}
    assert await find_model(database, record.model) is not None
    for after in (None, "a"):
        assert [each async for each in each_model(database, after=after, page=50)]
    some = NameFilter(names=frozenset((record.model,)), namespaces=frozenset(("risk.",)))
    for after in (None, "a"):
        for names in (EVERY_NAME, some):
            found, _ = await page_of_models(
                database, names, after=after, limit=5, max_bytes=1_000_000
            )
            assert found
    client = record.client_id or ""
    assert (await versions.by_client_id(client, "somebody else", some)) is not None
    assert await resolve_handle(database, "key:unknown") is None
    await database.ping()


async def use_tokens(database: Database) -> None:
    text, now = TokenText.new(), utc_now()
    token = TokenRecord(
        id=text.id,
        name="ci",
        prefix=text.shown,
        sha256=text.digest,
        owner=OWNER,
        grants=("reader:*",),
        created_at=now,
    )
    await tokens.keep_token(database, token)
    kept = await tokens.find_token(database, token.id)
    assert kept == token
    await tokens.note_use(database, token, now)
    await tokens.revoke_token(database, token.id, now)
    place = (now + LEASE, "x")
    for owner in (OWNER, None):
        for before in (place, None):
            assert await tokens.list_tokens(database, owner=owner, before=before, limit=5)


async def use_browser_sessions(database: Database) -> None:
    now = utc_now()
    session = SessionRecord(
        id=SHA256,
        principal="token:1",
        proof="",
        handing_key="",
        handed_on_sha256="",
        created_at=now,
        expires_at=now + LEASE,
    )
    await browser_sessions.keep_session(database, session)
    older = session.model_copy(update={"id": "f" * 64, "created_at": now - LEASE})
    await browser_sessions.keep_session(database, older)
    await browser_sessions.end_oldest_sessions(database, "token:1", most=1)
    assert await browser_sessions.find_session(database, "f" * 64) is None
    assert await browser_sessions.find_session(database, SHA256) == session
    assert await browser_sessions.sessions_of(database, "token:1", limit=5) == [session]
    await browser_sessions.end_session(database, SHA256)
    assert await browser_sessions.find_session(database, SHA256) is None
    await browser_sessions.keep_session(database, session)
    await browser_sessions.end_sessions_of(database, "token:1")
    assert await browser_sessions.find_session(database, SHA256) is None


async def use_sessions_and_work(database: Database, model: str) -> None:
    plan = draft(model)
    parts = [each.model_copy(update={"kind": "multipart"}) for each in plan.artifacts]
    session = await open_version(database, plan.model_copy(update={"artifacts": parts}))
    assert await Versions(database).set_multipart_id(session.id, 0, "id")
    late = utc_now() + timedelta(days=30)
    assert session.id in {each.id async for each in overdue_sessions(database, late)}
    await add_upload_token(database, session.id, SHA256)
    assert await complete_session(database, session, {0: SHA256})
    await finish_join(database, session.id)
    assert not await clean_again(database, session.id)
    record = await open_version(database, to_be_read(model))
    held = await work.claim_work(database, "verify", "mine", LEASE)
    assert held is not None
    assert await work.renew_lease(database, record.id, "mine", LEASE)
    assert await work.give_back_work(database, record.id, "mine")
    assert await work.claim_work(database, "verify", "mine", LEASE) is not None
    assert await work.postpone_work(database, record.id, "mine", -LEASE)
    assert await work.claim_work(database, "verify", "mine", LEASE) is not None
    assert await work.give_up_work(database, record.id, "mine", "verify", "it failed")
    [given_up] = (await Versions(database).by_ids([record.id])).values()
    assert await work.retry_work(database, given_up)
    assert await work.claim_work(database, "verify", "mine", LEASE) is not None
    assert await work.finish_work(database, record.id, "mine")
    assert not await work.confirm_digests(database, record.id, "mine", {0: SHA256})
    assert not await work.ask_to_confirm(database, record.id)
    assert not await work.ask_to_join(database, record.id)


async def use_outbox_and_leases(database: Database, model: str) -> None:
    outbox = Outbox(database)
    records = [await open_version(database, draft(model)) for _ in range(3)]
    await settle(database, [verified(record) for record in records])
    assert await outbox.oldest_before(await database.now() + LEASE) is not None
    while pending := await pending_events(database, model):
        await outbox.remove(pending[:4])

    async def until_renewed() -> None:
        first = await database.leases.driver.find_one({"_id": model})

        async def is_renewed() -> bool | None:
            return await database.leases.driver.find_one({"_id": model}) != first or None

        await eventually(is_renewed)

    await run_under_lease(database, model, until_renewed, seconds=0.5)


async def use_the_small_collections(database: Database, model: str) -> None:
    await storage_groups.intend_group(database, f"{model}-other")
    assert await storage_groups.is_intended(database, f"{model}-other")
    await storage_groups.forget_intent(database, f"{model}-other")
    await storage_groups.remember_group(database, f"{model}-going")
    assert await storage_groups.mark_removing(database, f"{model}-going")
    assert await storage_groups.first_version_in(database, f"{model}-going") is None
    assert await storage_groups.known_groups(database)
    await storage_groups.forget_group(database, f"{model}-going")
    digests = PartDigests(5, bytes(32))
    await keep_part_digests(database, model, {0: digests})
    assert await read_part_digests(database, model, [0]) == {0: digests}
    await storage_groups.remember_group(database, model)
    assert await storage_groups.is_group(database, model)
    assert model in await storage_groups.list_groups(database)
    assert await storage_groups.states_of(database, [model]) == {model: storage_groups.READY}
    now = await database.now()
    stray = strays.Stray("bucket", model, "1")
    reason = Reason(code="outside_key_rule", detail="it is outside")
    assert await strays.report_strays(database, [(stray, reason)])
    assert await strays.count_strays(database, seen_since=now)
    for since in (None, now):
        assert [each async for each in strays.strays_before(database, utc_now(), seen_since=since)]
    await strays.mark_quarantined(database, stray)
    await reports.keep_place(database, reports.UNDER_WAY, {"place": {}})
    assert await reports.find_place(database, reports.UNDER_WAY) is not None
    assert await strays.codes_of_strays(database, [stray.id]) == {stray.id: "outside_key_rule"}
    await strays.renew_strays(database, [stray.id])
    for bucket in (None, "bucket"):
        assert await strays.list_strays(database, bucket=bucket, after="", limit=5)
    await strays.forget_strays(database, [stray.id])
    await strays.forget_strays_in(database, "bucket")
    await reports.keep_comparison(database, {"started_at": now})
    assert await reports.find_place(database, reports.UNDER_WAY) is None
    assert await reports.last_comparison_began(database) == now
    await reports.remember_replay(database, model, now)
    assert await reports.replays_of(database, [model])


async def use_commits(database: Database, model: str) -> None:
    record, other = staged(model), staged(model, state="open", sha256="b" * 64)
    await staging.keep_staged(database, [record, other])
    await staging.open_staged(database, {record.id: "m", other.id: "n"})
    await staging.mark_sent(database, [other.id])
    assert await staging.find_staged(database, record.id) is not None
    theirs = await staging.sent_by(
        database, model, OWNER, "models", [record.sha256, other.sha256], until=utc_now()
    )
    assert len(theirs) == 2
    assert await staging.staged_uploads(database, [record.key]) == {record.key}

    async def hold(_: Sequence[Wish], transaction: Transaction) -> None:
        await commits.require_highest(database, model, 0, transaction)
        await staging.take_staged(database, [record], transaction)

    wish = Wish(draft(model))
    commit = CommitRecord(branch="main", parent_id=None)
    session = wish.draft.session and wish.draft.session.model_copy(update={"commit": commit})
    committed = replace(wish, draft=wish.draft.model_copy(update={"session": session}))
    [version] = await open_versions(database, [committed], hold=hold)
    assert isinstance(version, VersionRecord)
    assert (await commits.read_line(database, model)).highest == version.number
    assert await commits.commits_above(database, model, 0, "main") == [version]
    late = other.expires_at + timedelta(seconds=1)
    over = [each.id async for each in staging.overdue_staged(database, late)]
    assert other.id in over
    assert await staging.end_staged(database, other.id)
    await staging.forget_staged(database, other.id)


async def use_found_folders(database: Database, model: str) -> None:
    at_once = Settling(timedelta(), timedelta())
    place = "bucket", f"{model}/1/"
    [new] = await found_folders.record_folders(database, {place: f"{model}/1/a"}, at_once)
    assert await found_folders.known_folders(database, [new]) == {new}
    assert await found_folders.highest_waiting(database, "bucket", model) == 1
    assert await found_folders.next_due(database, timedelta(seconds=5)) == timedelta()

    async def claim() -> FoundFolder:
        [taken] = await found_folders.claim_folders(database, "mine", LEASE, at_once, most=5)
        return taken

    folder = await claim()
    assert await found_folders.renew_folders(database, [new], "mine", LEASE)

    async def hold(transaction: Transaction) -> None:
        await found_folders.hold_folders(database, [new], "mine", transaction)

    await database.transaction(hold)
    await found_folders.give_back_folders(database, [folder], "mine", -LEASE)
    await found_folders.postpone_folder(database, await claim(), "mine", -LEASE)
    assert await found_folders.give_up_folder(database, await claim(), "mine", "it failed")
    for bucket in (None, "bucket"):
        assert await found_folders.list_folders(database, bucket=bucket, after="", limit=5)
    await found_folders.retry_folders(database, [place], at_once)
    await found_folders.finish_folders(database, [await claim()], "mine", at_once)
    await found_folders.free_folders(database, "bucket")
    await found_folders.forget_folders(database, "bucket")
    assert await found_folders.known_folders(database, [new]) == set()


async def use_audit(database: Database, model: str) -> None:
    entry = AuditRecord(
        id=new_id(),
        at=utc_now(),
        principal="token:1",
        action="upload.open",
        model=model,
        subject="version:1",
        address="",
        request_id="",
        outcome="allowed",
    )
    await audit.write_entry(database, entry)
    refusals = [entry.model_copy(update={"id": new_id()}) for _ in range(2)]
    ends = {entry.id: ChangeEnd("done", utc_now())}
    await audit.write_behind(database, refusals, ends)
    some = NameFilter(names=frozenset([model]), namespaces=frozenset(["risk."]))
    for names in (EVERY_NAME, some):
        for before in (None, (utc_now() + LEASE, entry.id)):
            for wanted in (
                audit.AuditFilter(),
                audit.AuditFilter(model=model),
                audit.AuditFilter(subject="version:1"),
                audit.AuditFilter(principal="token:1", action="upload.open"),
            ):
                assert await audit.list_entries(database, names, wanted, before=before, limit=5)


async def use_aliases(database: Database, model: str) -> None:
    for name in "ab":
        opened = await open_version(database, draft(model, name))
        await settle(database, [verified(opened)])

    async def to(number: int | None, key: str | None = None) -> MoveRecord:
        return await alias_moves.move_alias(
            database,
            model,
            "production",
            lambda _: number,
            require_ready,
            Mover(OWNER, "", key),
        )

    first = await to(1, key=new_id())
    last = await to(2)
    again = new_id()
    assert await to(2, key=again) == await to(2, key=again) == last
    assert await aliases.find_alias(database, model, "production") == last
    assert await aliases.find_alias_at(database, model, "production", first.at) == first
    assert await aliases.find_move(database, model, "production", 1) == first
    for after in (None, "a"):
        assert await aliases.list_aliases(database, model, after=after, limit=5) == [last]
    for before in (None, 9):
        assert await aliases.list_moves(database, model, "production", before=before, limit=1)
    assert await Versions(database).by_alias(model, "production") is not None
    assert await restore_moves(database, [first, last]) == 0
    assert not await restore_alias(database, model, "production")
    await to(None)
    lost = last.model_copy(update={"alias": "staging"})
    assert await restore_moves(database, [lost]) == 1
    assert await restore_alias(database, model, "staging")


async def use_edits(database: Database, model: str) -> None:
    unversioned = f"{model}-first"
    await make_model(database, unversioned, ModelDescription(), OWNER)
    before_versions = WantedEdit(patch={"description": "early"}, by=OWNER)
    await edits.edit_model(database, unversioned, before_versions)
    await open_version(database, draft(unversioned))
    told, _ = await edits.list_edits(
        database, edits.Place(unversioned), before=None, limit=5, max_bytes=1_000_000
    )
    assert [each.after for each in told] == [{"description": "early"}]
    await open_version(database, draft(model))
    wanted = WantedEdit(patch={"description": "new"}, by=OWNER, key=new_id(), request="r")
    edited = await edits.edit_version(database, model, 1, wanted)
    assert (edited.revision, edited.description) == (2, "new")
    again = replace(wanted, key=new_id())
    for _ in range(2):
        assert await edits.edit_version(database, model, 1, again) == edited
    said = await edits.edit_model(database, model, replace(wanted, key=new_id()))
    assert (said.revision, said.description) == (2, "new")
    for place in (edits.Place(model, 1), edits.Place(model)):
        for before in (None, 9):
            found, _ = await edits.list_edits(
                database, place, before=before, limit=5, max_bytes=1_000_000
            )
            assert await restore_edits(database, found) == 0
        assert not await make_edits_again(database, place)
        later = found[0].model_copy(
            update={"revision": 3, "after": {"description": "newer"}, "key": None}
        )
        assert await restore_edits(database, [later]) == 1
        assert await make_edits_again(database, place)


async def use_rules_and_proposals(database: Database, model: str) -> None:
    for name in "ab":
        opened = await open_version(database, draft(model, name, label=f"{name}.0"))
        await settle(database, [verified(opened)])
    said, place = Rules(immutable_labels=False), (model, "production")
    own = await rules.change_model_rules(database, model, said, UNCONDITIONAL, by=OWNER)
    scope = f"{model}.*"
    wide = await rules.change_namespace_rules(database, scope, said, UNCONDITIONAL, by=OWNER)
    assert await rules.find_rules(database, scope) == wide
    assert await restore_rules(database, [own, wide]) == 0
    taken = {"_id": f"label:{model}/a.0"}
    await database.handles.driver.update_one(taken, {"$set": {"held": False}})
    assert (await open_version(database, draft(model, label="a.0"))).label == "a.0"

    async def proposed(number: int) -> ProposalRecord:
        return await proposals.propose_move(
            database, place, number, require_ready, Mover(OWNER, "", new_id())
        )

    first, second = await proposed(1), await proposed(2)
    for _ in range(2):  # the second time it is found
        assert await proposals.approve_proposal(
            database, place, first.id, require_ready, lambda _: None, by="another"
        )
    assert await proposals.withdraw_proposal(database, place, second.id, by=OWNER)
    for before in (None, 99):
        assert await proposals.list_proposals(database, place, before=before, limit=5)
    closed = second.model_copy(update={"state": "withdrawn"})
    assert await restore_proposals(database, [closed]) == 0


async def use_deletion_and_shared_bytes(database: Database, model: str) -> None:
    holder = await open_version(database, draft(model))
    await settle(database, [verified(holder)])
    key, size = holder.artifacts[0].key, holder.artifacts[0].size_bytes
    group, wanted = holder.storage_group, bytes_of(holder.artifacts[0], SHA256)
    some = NameFilter(names=frozenset([model]), namespaces=frozenset(["risk."]))
    for names in (EVERY_NAME, some):
        assert wanted in await blobs.find_blobs(database, group, [wanted], names)
        assert await blobs.known_sizes(database, group, [size], names) == {size}
    sizes = {wanted.sha256: wanted.size_bytes}
    assert await blobs.find_digests(database, group, sizes, some)
    good = (await blobs.find_blobs(database, group, [wanted], some))[wanted].artifact
    bare = draft(model)
    shared = {"artifacts": [referring(bare.artifacts[0], good)]}
    borrower = await open_version(database, bare.model_copy(update=shared))
    assert (await settle_whole(database, borrower, NotCounted().version_settled)).state == "ready"
    assert [each.id async for each in references.each_borrower(database, [key])] == [borrower.id]
    at_the_holder = {"_id": holder.id}
    await database.versions.driver.update_one(
        at_the_holder, {"$set": {"artifacts.0.references": 9}}
    )
    assert await restore_references(database, model) == 1
    judged = await retention.evaluate(database, model)
    newest = judged.judgements[0].number
    assert not await retention.remove(database, model, newest, retention=timedelta())
    said = Rules(retention=Retention(keep_last_ready=1))
    await rules.change_model_rules(database, model, said, UNCONDITIONAL, by=OWNER)
    assert not await retention.remove(database, model, newest, retention=timedelta())
    gone = partial(deletion.delete, by=OWNER, reason="", at=utc_now(), retention=timedelta())
    for version in (borrower, holder):
        told = "registry.version.deleted.v1"
        assert await change_version(database, model, version.id, gone, told)
        assert version.id in [each.id async for each in work.due_work(database, "purge")]
        for _ in range(2):  # the second time for what came later
            token = new_id()
            taken = await work.claim_work(database, "purge", token, LEASE)
            assert taken is not None
            begun = await begin_purge(database, taken.id, token)
            assert begun is not None
            await finish_purge(database, begun, token)
            [found] = await purges.purged_versions(database, before=None, limit=1)
            assert (found.id, found.deleted_by) == (version.id, OWNER)
            before = (found.purged_at, found.id)
            assert found not in await purges.purged_versions(database, before=before, limit=1)
            assert await purge_again(database, begun.id)
        await database.versions.driver.update_many({}, {"$set": {"work": None}})
    assert not await clean_surplus(database, holder.id)


async def use_lineage(database: Database, model: str) -> None:
    base = await open_version(database, draft(model, "a"))
    child = await open_version(database, draft(model, "b"))
    link = parent_link(base)

    async def change(links: list[Link]) -> None:
        changed = await lineage.change_links(
            database, child.id, lambda _: links, adds_parents=bool(links)
        )
        assert changed is not None
        assert changed.lineage == links

    await change([link])
    assert list(await lineage.read_linked(database, [child.id])) == [child.id]
    [found], is_cut = await lineage.children_of(database, [base.id], limit=5)
    assert (found.id, is_cut) == (child.id, False)
    assert await restore_edges(database, model) == 0
    await change([])
    await open_version(database, draft(model, "c", lineage=[link]))


async def use_webhooks(database: Database, model: str, version: VersionRecord) -> None:
    made = await subscribed(database)
    assert await subscriptions.count_subscriptions(database)
    assert not await subscriptions.count_subscriptions(database, made_by="nobody")
    assert await subscriptions.changed_since(database, made.changed_at)
    page = await subscriptions.list_subscriptions(
        database, principal=OWNER_OF_WEBHOOK, before=(utc_now(), made.id), limit=1
    )
    assert page
    assert await subscriptions.change_subscription(database, made.id, {"mode": "binary"})
    await subscriptions.note_failure(database, made.id, utc_now())
    assert await subscriptions.note_success(database, made.id, utc_now()) == 0
    assert await subscriptions.rotate_secret(database, made.id, new_secret(), timedelta(1))
    assert await subscriptions.find_secrets(database, made.id)
    assert (await version_facts(database, [version.id]))[version.id].tags == version.tags

    first, second = delivery(made.id, model, 1), delivery(made.id, model, 2)
    await deliveries.record_deliveries(database, [first, second])
    wanted = DeliveryFilter(EVERY_NAME, states=("waiting",), event_id=first.event_id, model=model)
    place = (utc_now(), "x")
    for oldest in (False, True):
        assert await deliveries.list_deliveries(
            database, made.id, wanted, before=place, limit=1, oldest_first=oldest
        )
    assert await queues.oldest_due(database, without=["another"]) >= timedelta()
    due = await queues.due_queues(database, without=["another"], limit=1000)
    [queue] = [each for each in due if each.subscription == made.id]
    assert await queues.take_queue(database, queue, "token", LEASE)
    pushed = await queues.renew_queue(database, queue.id, "token", LEASE)
    assert pushed is not None
    assert await deliveries.waiting_in(database, queue.id, 5) == [first, second]
    attempt = AttemptRecord(number=1, at=utc_now(), milliseconds=1, status=500)
    await deliveries.note_attempt(database, first, attempt)
    await deliveries.settle(database, first, "delivered", utc_now(), attempt)
    await deliveries.replay(database, [first], LEASE)
    await queues.hurry(database, made.id)
    await queues.hurry(database, made.id, [model])
    assert not await queues.remove_queue(database, queue.id, "token", pushed)
    await queues.give_back_queue(database, queue.id, "token")
    await queues.hurry_after(database, made.id, 1)
    await queues.drop_queues(database, made.id)
    assert await disable_subscription(database, made.id, "failing")
    await subscriptions.remove_subscription(database, made.id)
    assert await subscriptions.find_subscription(database, made.id) is None


async def use_depths(database: Database, model: str) -> None:
    await open_version(database, to_be_read(model))
    for kind in depths.WORK_KINDS:
        assert (await depths.depth_of_work(database, kind)).count == (kind == "verify")
    await depths.depth_of_folders(database)
    await depths.depth_of_outbox(database)
    await depths.depth_of_delivery_queues(database, without=["another"])
    await depths.count_waiting_deliveries(database)
    await depths.count_open_uploads(database)
    assert await purges.waiting_purges(database) == purges.Waiting(0, 0)


async def use_search(database: Database, model: str) -> None:
    opened = await open_version(database, draft(model))
    since = [each async for each in catalog.versions_since(database, model, 0)]
    assert [found["_id"] for [found] in since] == [opened.id]
    assert await catalog.versions_numbered(database, model, [1]) == since[0]
    assert await catalog.versions_with_ids(database, [opened.id]) == since[0]
    assert await catalog.versions_above(database, model, 0) == since[0]
    assert [each async for each in catalog.every_version(database)]
    assert set(await catalog.models_named(database, [model, "unknown"])) == {model}
    assert await catalog.models_after(database, None, 5)
    assert await catalog.moved_aliases(database, model, 0) == {}
    asked = await catalog.request(database, "check")
    assert (await catalog.requested_at(database))["check"] == asked


async def use_recovery(database: Database, model: str) -> None:
    client_id = new_id()
    lost = draft(model, "c", key=new_id(), client_id=client_id, label="3.0")
    artifacts = [lost.artifacts[0].model_copy(update={"key": f"{model}/9/c"})]
    record = lost.model_copy(update={"number": 9, "artifacts": artifacts})
    await raise_counters(database, model, number=9, sequence=9, created_at=utc_now())
    assert await restore_version(database, record, instead_of=None)
    assert not await announce_version(database, record)
    given_up = draft(model, "d", label="4.0", client_id=client_id, state="rejected")
    rejected = given_up.model_copy(update={"number": 10})
    assert await announce_version(database, rejected)
    assert await known_numbers(database, model, [9]) == {9}
    assert await restore_handles(database, model) == []
    await restore_model(database, model)


async def test_every_statement_finds_its_documents_by_an_index(
    database: Database, statements: Statements, model: str
) -> None:
    record = await use_lifecycle(database, model)
    await use_reads(database, record)
    await use_sessions_and_work(database, f"{model} work")
    await use_outbox_and_leases(database, f"{model} outbox")
    await use_the_small_collections(database, model)
    await use_commits(database, f"{model}-commits")
    await use_found_folders(database, f"{model}-found")
    await use_audit(database, f"{model}-audit")
    await use_aliases(database, f"{model}-aliases")
    await use_edits(database, f"{model}-edits")
    await use_rules_and_proposals(database, f"{model}-rules")
    await use_deletion_and_shared_bytes(database, f"{model}-lives")
    await use_lineage(database, f"{model}-lineage")
    await database.versions.driver.update_many({}, {"$set": {"work": None}})
    await use_depths(database, f"{model}-depths")
    await use_search(database, f"{model}-search")
    await use_tokens(database)
    await use_browser_sessions(database)
    await use_webhooks(database, f"{model}-webhooks", record)
    await use_recovery(database, f"{model} lost")

    known = places_in_the_source()
    unused = [
        f"{path}:{line}"
        for (path, line), lines in known.items()
        if not any((path, each) in statements.places for each in lines)
    ]
    assert unused == [], "statements that this test does not run"
    assert set(scanning(statements)) <= WHOLE
    if await tells_its_plans(database):
        assert set(await scanned_by_the_server(statements)) <= WHOLE


async def test_a_statement_without_an_index_is_seen(database: Database) -> None:
    recorded = Statements()
    recorded.add(("any.py", 1), database.versions, "find", {"label": "1.0"})
    recorded.add(("any.py", 2), database.versions, "find", {"_id": "1"})
    assert scanning(recorded) == ["versions.find {'label': '='}"]


def test_nothing_finds_and_modifies_in_one_statement() -> None:
    """Such a statement makes the slower one of two begin anew, and scans on some servers."""
    assert not [text for text in texts_of_the_source() if "find_one_and" in text]
