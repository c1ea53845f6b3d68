"""Models that are about to have their first version: their writers' clients look for its card.

transformers makes a repository, asks for its README.md, and commits one where the answer is that
there is no such file. Here a model comes to be with its first version, so that there is no model to
lack a file either: who may make it is told what they are about to find.
"""

from registry.schemas import Artifact, Version
from registry.schemas.rules import MODEL_CARD
from services.query.context import Context
from services.query.hub import trees
from services.query.hub.revisions import NO_READY_VERSION
from shared.domain.access.actions import Action
from shared.domain.commits import MAIN
from shared.domain.errors import NotFound
from shared.web.access.caller import Caller

_EMPTY = frozenset(("model_not_found", NO_READY_VERSION))


async def find_file(
    model: str, revision: str, path: str, caller: Caller, context: Context
) -> tuple[Version, Artifact]:
    """Return a file as `trees.find_file` does.

    Raises NotFound "file_not_found" for the card where the model has no version yet, and the caller
    may make it. For another file it has to be the model that is missing: a name that is misspelt
    would else be told as a model of no known kind.
    """
    try:
        return await trees.find_file(model, revision, path, context)
    except NotFound as error:
        may_make = caller.doing(Action.UPLOAD).names.has(model)
        is_looked_for = path == MODEL_CARD and revision == MAIN
        if error.code not in _EMPTY or not is_looked_for or not may_make:
            raise
        detail = f"model {model!r} has no version yet, and no file {path!r}"
        raise NotFound("file_not_found", detail) from None
