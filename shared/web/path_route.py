"""Routes that are mostly asked for by their path alone, and as fast as that allows."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

JSON = "application/json"


class PathRoute(APIRoute):
    """A route that calls its endpoint itself where a request has no query.

    Its parameters are texts of the path, one dependency that takes the request (who calls), the
    request, the response, and what a query may say, each with a default. FastAPI's own way from a
    request to these takes as long as all the rest of a lookup; it is gone where there is a query.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler; raises ValueError for an endpoint that takes anything else."""
        in_general = super().get_route_handler()
        dependant = self.dependant
        [dependency] = dependant.dependencies
        call, depend, caller_name = dependant.call, dependency.call, dependency.name
        request_name, response_name = dependant.request_param_name, dependant.response_param_name
        if not (call and depend and caller_name and request_name and response_name):
            raise ValueError(f"{self.path} lacks a request, a response or a dependency")
        if dependant.header_params or dependant.cookie_params or dependant.body_params:
            raise ValueError(f"{self.path} takes more than its path and a query")
        defaults = {each.name: each.get_default() for each in dependant.query_params}
        answers: TypeAdapter[Any] = TypeAdapter(self.response_model)

        async def handle(request: Request) -> Response:
            if request.scope["query_string"]:
                return await in_general(request)
            told = Response()
            del told.headers["content-length"]
            given: dict[str, Any] = {
                **defaults,
                **request.path_params,
                caller_name: await depend(request),
                request_name: request,
                response_name: told,
            }
            response = Response(answers.dump_json(await call(**given)), media_type=JSON)
            response.headers.raw.extend(told.headers.raw)
            return response

        return handle
