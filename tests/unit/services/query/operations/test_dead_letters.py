"""Dead letters are told to whoever may still be told of them once they are read."""

from typing import Any

import pytest

from registry.schemas.operations import DeadLetterList
from services.query.operations import dead_letters, routes
from services.query.ui.operators import dead_letters as page
from shared.domain.access.actions import Action
from shared.domain.access.grants import Grant
from shared.domain.access.principals import Principal
from shared.domain.errors import Unauthenticated
from shared.web.access.caller import Caller


async def test_who_was_revoked_while_others_had_their_turn_is_told_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def ask_again() -> Principal:
        raise Unauthenticated

    async def newest_letters(*_: object) -> DeadLetterList:
        return DeadLetterList(items=[])

    monkeypatch.setattr(dead_letters, "newest_letters", newest_letters)
    monkeypatch.setattr(page, "newest_letters", newest_letters)
    operator = Principal("token:a", "token", "a", (Grant("admin", "*"),))
    caller = Caller(operator, Action.READ_OPERATIONS, None, ask_again)
    nothing: Any = None
    with pytest.raises(Unauthenticated):
        await routes.list_dead_letters(caller, nothing, 1)
    with pytest.raises(Unauthenticated):
        await page.show_dead_letters(nothing, caller, nothing)
