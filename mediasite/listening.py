"""Middleware about bodies: an answer that comes before the body of its request was read still gets
heard, and an answer to HEAD has none.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

CHUNK: Final = 1024 * 1024
LISTEN_BYTES: Final = 256 * 1024 * 1024
LISTEN_SECONDS: Final = 15


def listen_out(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Answer first, then read on for a while what the client still sends.

    Closing at once makes the kernel reset the connection, and a client or proxy in the middle of
    sending then loses the answer (RFC 9112, section 9.6); nginx says 502 in its place.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.META.get("CONTENT_LENGTH") not in {None, "", "0"}:
            close = response.close  # called by the server when all was sent

            def close_and_listen() -> None:
                close()
                _read_on(request)

            response.close = close_and_listen  # type: ignore[method-assign]
        return response

    return answer


def _read_on(request: HttpRequest) -> None:
    until, count = time.monotonic() + LISTEN_SECONDS, 0
    if (connection := request.META.get("gunicorn.socket")) is not None:
        connection.settimeout(LISTEN_SECONDS)  # gunicorn resets this for the next request
    try:
        while count < LISTEN_BYTES and time.monotonic() < until:
            chunk = request.read(CHUNK)
            if not chunk:
                return
            count += len(chunk)
    except OSError:
        return  # the client is gone, or has fallen silent


def without_body(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Answer HEAD with headers alone, whatever a view or an error page has written."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.method == "HEAD":
            if isinstance(response, StreamingHttpResponse):
                response.streaming_content = ()
            elif isinstance(response, HttpResponse):
                response.content = b""  # Content-Length stays what it is for GET
        return response

    return answer
