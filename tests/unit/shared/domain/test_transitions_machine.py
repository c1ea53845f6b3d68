"""A version under workers that inspect, claim, lose their lease and come back late."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from registry.schemas import SETTLED, Reason
from shared.domain.records import VersionRecord, WorkRecord, utc_now
from shared.domain.transitions import Verdict, apply_verdicts
from tests.support.records import SHA256, artifact, version

FILES = 3
index_of_file = st.integers(0, FILES - 1)
REASON = Reason(code="digest_mismatch", detail="other bytes")


class Workers(RuleBasedStateMachine):
    """Applies verdicts as the database would, and remembers what must not change again."""

    def __init__(self) -> None:
        super().__init__()
        self.version = version(*(artifact(f"{n}.bin") for n in range(FILES)))
        self.tokens = ["never claimed"]
        self.history = [self.version]

    @rule(index=index_of_file, attested=st.booleans())
    def inspect(self, index: int, attested: bool) -> None:
        fields = {"state": "verified", "sha256": SHA256} if attested else {}
        self.apply(index, None, None, etag="e", **fields)

    @rule(index=index_of_file)
    def refute(self, index: int) -> None:
        self.apply(index, None, REASON)

    @precondition(lambda self: self.version.state == "verifying")
    @rule()
    def claim(self) -> None:
        """Take the version; whoever held it before has lost it."""
        self.tokens.append(f"token {len(self.tokens)}")
        work = WorkRecord(kind="verify", token=self.tokens[-1], due_at=utc_now())
        self.version = self.version.model_copy(update={"work": work})

    @rule(index=index_of_file, data=st.data(), good=st.booleans())
    def read(self, index: int, data: st.DataObject, good: bool) -> None:
        """Bring the result of a full read, by any worker that ever claimed, in time or late."""
        token = data.draw(st.sampled_from(self.tokens))
        held = self.version.work is not None and self.version.work.token == token
        before = self.version
        fields = {"state": "verified", "sha256": SHA256} if good else {}
        self.apply(index, token, None if good else REASON, etag="e", **fields)
        assert held or self.version is before, "a lost lease changes nothing"

    def apply(self, index: int, token: str | None, reason: Reason | None, **found: Any) -> None:
        # As the worker saw it, who may have read the record long ago.
        after = self.history[0].artifacts[index].model_copy(update=found)
        self.version = apply_verdicts(
            self.version, [Verdict(self.version.id, index, after, reason, token)], utc_now()
        )

    @invariant()
    def what_is_settled_or_verified_stays(self) -> None:
        before, after = self.history[-1], self.version
        if before.state in SETTLED:
            assert after == before
        for old, new in zip(before.artifacts, after.artifacts, strict=True):
            assert old.state != "verified" or new == old
        self.history.append(after)

    @invariant()
    def the_state_follows_from_what_was_found(self) -> None:
        found: VersionRecord = self.version
        all_verified = all(one.state == "verified" for one in found.artifacts)
        assert (found.state == "ready") == (found.ready_at is not None)
        assert (found.state == "rejected") == bool(found.reasons)
        if found.state != "rejected":
            assert (found.state == "ready") == all_verified
        kind = found.work.kind if found.work else None
        allowed = {"verifying": ("verify",), "ready": (None, "confirm")}
        assert kind in allowed.get(found.state, (None,))


TestWorkers = Workers.TestCase
TestWorkers.settings = settings(max_examples=60, stateful_step_count=25)
