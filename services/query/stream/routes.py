"""Model events over HTTP, as Server-Sent Events."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import JSONResponse, Response

from services.query.context import RequestContext
from services.query.stream.beginning import From
from services.query.stream.reader import Follower
from shared.domain.access.actions import Action
from shared.domain.errors import InvalidRequest
from shared.domain.streams.position import MAX_CHARACTERS
from shared.domain.streams.wanted import MAX_VALUES, BadFilter, Wanted
from shared.web.access.caller import Caller, declares
from shared.web.problems import PROBLEMS

router = APIRouter(tags=["events"])

EXAMPLE = (
    "retry: 3127\n"
    ": model events\n"
    "id: AWFk0lXM8Y3ZBgEBAQEBAWoLDQI\n\n"
    "id: AWFk0lXM8Y3ZBgEBAgEBAdx1cEw\n"
    "event: registry.version.ready.v1\n"
    'data: {"specversion":"1.0","id":"0f6c...-2","source":"/model-registry",'
    '"type":"registry.version.ready.v1","subject":"risk.churn/4","sequence":9,"data":{...}}\n\n'
    ": heartbeat\n\n"
)
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events without an end. The last one of a stream that ends has the type"
        " `end`, and tells why, and where to go on",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": EXAMPLE}},
    },
    410: {
        **PROBLEMS["4XX"],
        "description": "The topic does not hold what came behind this id: `events_gone`;"
        " `oldest_event_id` is where it begins",
    },
    **PROBLEMS,
}

Models = Annotated[
    list[str],
    Query(max_length=MAX_VALUES, description="Names of models, NAMESPACE.* or *, any of them"),
]
Types = Annotated[
    list[str],
    Query(
        max_length=MAX_VALUES,
        description="Types of events: whole, in short (version.ready), or beginnings (alias.*)",
    ),
]
Aliases = Annotated[
    list[str],
    Query(max_length=MAX_VALUES, description="Only what is told of these aliases"),
]
Start = Annotated[
    From, Query(alias="from", description="Where to begin without an id: now, or at the oldest")
]
LastEventId = Annotated[
    str | None, Header(max_length=MAX_CHARACTERS, description="Go on behind this event")
]
LastEventIdParameter = Annotated[
    str | None,
    Query(max_length=MAX_CHARACTERS, description="The same, for who cannot set the header"),
]
Follow = Annotated[
    bool, Query(description="False: end with the newest event that there is at the beginning")
]


@router.get(
    "/v1/events",
    summary="Follow model events",
    response_class=Response,
    responses=STREAM,
)
async def follow_events(
    caller: Annotated[Caller, declares(Action.FOLLOW)],
    context: RequestContext,
    model: Models = [],  # noqa: B006 - FastAPI copies it
    type: Types = [],  # noqa: B006
    alias: Aliases = [],  # noqa: B006
    start: Start = "now",
    last_event_id: LastEventId = None,
    last_event_id_parameter: Annotated[LastEventIdParameter, Query(alias="last_event_id")] = None,
    follow: Follow = True,
) -> Response:
    """Stream events of the models that the caller may follow, as Server-Sent Events.

    An event has to be one of the values of each filter that is given. Its `id` goes back as
    Last-Event-ID to go on behind it, without a gap, as far back as the topic goes.
    """
    try:
        wanted = Wanted.of(model, type, alias)
    except BadFilter as error:
        raise InvalidRequest(error.field, error.rule) from error
    caller.require_somewhere()
    for pattern in model:
        caller.require_within(pattern)
    follower = Follower(wanted, caller.names, caller.principal, caller.ask_again)
    given = last_event_id or last_event_id_parameter or None
    return await context.streams.open(follower, given, start, follow=follow)


@router.get(
    "/health/events",
    dependencies=[declares(Action.PUBLIC)],
    summary="Streams of events can begin now, and how many are open",
)
async def health(context: RequestContext) -> Response:
    """Answer 200 or 503, with what streams wait for and their figures."""
    figures = context.streams.health()
    return JSONResponse(figures, 503 if figures["waits_for"] else 200)
