"""Answers are read up to a bound: how much comes is for whoever answers to say."""

import httpx

from registry.errors import ProtocolError

MAX_ANSWER_BYTES = 256 * 1024 * 1024
"""Of a service; the largest are those that tell the parts of many files of 10,000 parts each."""
MAX_PORT = 65_535


async def send_bounded(
    http: httpx.AsyncClient, request: httpx.Request, most_bytes: int
) -> httpx.Response:
    """Send a request and return its whole answer.

    The request has to say that nothing is to be compressed: what is has no bound before it is
    unpacked. Raises httpx.TransportError, and ProtocolError for an answer that is too long, or
    compressed all the same, and for an address with no port that there is.
    """
    place = _place(request)
    if (request.url.port or 0) > MAX_PORT:  # connecting would raise what is no error of httpx
        raise ProtocolError(f"{place} is no address: there is no such port")
    response = await http.send(request, stream=True)
    return await read_bounded(response, most_bytes)


async def read_bounded(response: httpx.Response, most_bytes: int) -> httpx.Response:
    """Return the whole of an answer that is being read, and close it; raises ProtocolError."""
    place = _place(response.request)
    try:
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise ProtocolError(f"{place} answers compressed, unasked")
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > most_bytes:
                raise ProtocolError(f"{place} answers more than {most_bytes} bytes")
    finally:
        await response.aclose()
    whole = httpx.Response(
        response.status_code,
        headers=response.headers,
        content=bytes(body),
        request=response.request,
    )
    whole.next_request = response.next_request
    return whole


def _place(request: httpx.Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc.decode()}"
