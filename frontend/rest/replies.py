"""How every HTTP answer looks: errors as one JSON form, cross-origin headers, the request's id, counted."""

import math
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

from frontend.connection import handshake
from frontend.connection.accept import RECEPTION
from frontend.connection.request_id import REQUEST_ID
from frontend.connection.shared import SHARED
from frontend.errors import (
    ClientError,
    GatewayError,
    MediaTypeError,
    SlowUploadError,
    UnauthorizedError,
    WrongKeysError,
)
from frontend.protocols.deepgram_form import refusal as deepgram_refusal
from frontend.rest.entrance import path_of
from frontend.rest.openai_wording import refusal as openai_refusal
from frontend.telemetry.logs import Log

# As others count it: the client went away before it was answered.
_CLIENT_GONE = 499
# Where paths begin whose clients know errors in a form of their own: from a status, a message, the error, where one was
# raised, and the request's id to a status and a body.
_FORMS: Mapping[str, Callable[[int, str, GatewayError | None, str], tuple[int, Mapping[str, Any]]]] = {
    "/v1/listen": deepgram_refusal,
    "/v1/": openai_refusal,
}


@web.middleware
async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The outermost layer: whatever happens below becomes an answer of the documented form."""
    shared = request.app[SHARED]
    request[REQUEST_ID] = request.app[RECEPTION].new_id()
    response = await _attempt(request, handler)
    shared.metrics.requests.labels(path_of(request) or "other", str(response.status)).inc()
    return response


async def dress(request: web.Request, response: web.StreamResponse) -> None:
    """What every answer bears, the moment it is sent. Of the server not which libraries it is made of."""
    response.headers[hdrs.SERVER] = "speech-gateway"
    if REQUEST_ID in request:
        # Under the second name the clients of OpenAI's API look for it.
        response.headers["X-Connection-Id"] = response.headers["X-Request-Id"] = request[REQUEST_ID]
        _allow_origin(request, response)


async def _attempt(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
            raise MediaTypeError("send the body without Content-Encoding")
        return await handler(request)
    except Exception as e:
        response = _told(request, e)
        if isinstance(e, WrongKeysError) and not await request.app[SHARED].visits.guard.hold():
            response.force_close()
        # What the handler held (a recording, say) goes now: a future that keeps the error would keep it as well.
        e.__traceback__ = None
        return response


def _told(request: web.Request, error: Exception) -> web.Response:
    """What the client is told of an error, and the log."""
    log = Log("rest", request[REQUEST_ID])
    if isinstance(error, OSError) and (request.transport is None or request.transport.is_closing()):
        log.info("the client went away", path=request.path)
        return web.Response(status=_CLIENT_GONE)
    if isinstance(error, web.HTTPException):
        return refusal(request, error.status, error.reason, allow=error.headers.get(hdrs.ALLOW))
    if isinstance(error, HttpProcessingError | web.RequestPayloadError):
        error = ClientError("the body is not what its headers say")
    if not isinstance(error, GatewayError):  # nobody expected it: this request is answered, the others never notice
        log.exception("request failed", error, path=request.path)
        return refusal(request, 500, "internal error")
    if not isinstance(error, WrongKeysError):  # which is a line for each pause, not for each attempt
        log.warning("refused", path=request.path, code=error.code, reason=str(error))
    response = refusal(request, error.status, str(error), error)
    if isinstance(error, SlowUploadError):
        response.force_close()
    if isinstance(error, UnauthorizedError):
        if request.path.startswith("/export") and error.status == HTTPStatus.UNAUTHORIZED:  # as its clients know it
            response = web.json_response("Unauthorized", status=error.status)
        response.headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
    return response


def refusal(
    request: web.Request, status: int, message: str, error: GatewayError | None = None, allow: str | None = None
) -> web.Response:
    body: Mapping[str, Any]
    form = next((form for begin, form in _FORMS.items() if request.path.startswith(begin)), None)
    if form is None:
        body = {"status": status, "error": HTTPStatus(status).phrase, "message": message, "path": request.path}
    else:
        status, body = form(status, message, error, request[REQUEST_ID])
    response = web.json_response(body, status=status)
    if allow:
        response.headers[hdrs.ALLOW] = allow
    if status == HTTPStatus.UPGRADE_REQUIRED:
        response.headers.update(handshake.OFFER)
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        response.headers[hdrs.RETRY_AFTER] = str(math.ceil(getattr(error, "retry_seconds", 1)))
    return response


def _allow_origin(request: web.Request, response: web.StreamResponse) -> None:
    door, origin = request.app[SHARED].door, request.headers.get(hdrs.ORIGIN)
    if origin is None or not door.takes_page(origin):
        return
    response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*" if door.any_page else origin
    response.headers[hdrs.VARY] = hdrs.ORIGIN
    response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = "X-Connection-Id"
    if request.method == hdrs.METH_OPTIONS:
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = "GET, POST, DELETE, OPTIONS"
        wanted = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, "*")
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = wanted
        response.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = "600"
