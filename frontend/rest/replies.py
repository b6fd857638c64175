"""How every HTTP answer looks: errors as one JSON form, cross-origin headers, counted."""

from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from frontend.errors import GatewayError
from frontend.logs import Log
from frontend.rest.service import SERVICE

_log = Log("rest")


@web.middleware
async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The outermost layer: whatever happens below becomes an answer of the documented form."""
    if request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers:
        response: web.StreamResponse = web.Response(status=204)
    else:
        response = await _attempt(request, handler)
    if not response.prepared:
        _allow_origin(request, response)
    path = request.match_info.route.resource
    known = path.canonical if path else "other"
    request.app[SERVICE].metrics.requests.labels(known, str(response.status)).inc()
    return response


async def _attempt(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except GatewayError as e:
        _log.warning("refused", path=request.path, code=e.code, reason=str(e))
        return refusal(request, e.status, str(e))
    except web.HTTPException as e:
        return refusal(request, e.status, e.reason, e.headers.get(hdrs.ALLOW))
    except ConnectionError:
        raise  # the client is gone
    except Exception as e:  # nobody expected it: this request is answered, the others never notice
        _log.exception("request failed", e, path=request.path)
        return refusal(request, 500, "internal error")


def refusal(request: web.Request, status: int, message: str, allow: str | None = None) -> web.Response:
    body = {"status": status, "error": HTTPStatus(status).phrase, "message": message, "path": request.path}
    response = web.json_response(body, status=status)
    if allow:
        response.headers[hdrs.ALLOW] = allow
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers[hdrs.RETRY_AFTER] = "1"
    return response


def _allow_origin(request: web.Request, response: web.StreamResponse) -> None:
    allowed = request.app[SERVICE].options.server.cors_origins
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None or not ("*" in allowed or origin in allowed):
        return
    response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*" if "*" in allowed else origin
    response.headers[hdrs.VARY] = hdrs.ORIGIN
    if request.method == hdrs.METH_OPTIONS:
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = "GET, POST, DELETE, OPTIONS"
        wanted = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, "*")
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = wanted
        response.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = "600"
