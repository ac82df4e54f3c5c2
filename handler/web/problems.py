"""Errors as RFC 9457 problem details with the codes of core.domain.errors."""

import traceback
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from core.domain import log
from core.domain.errors import Code, Misconfigured, PicturePerfectError, Unavailable
from core.domain.model import Value

MEDIA_TYPE = "application/problem+json"
_STATUS_BY_CODE = {
    Code.NOT_AUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    Code.NO_CUSTOMER: HTTPStatus.FORBIDDEN,
    Code.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.UPLOAD_INCOMPLETE: HTTPStatus.CONFLICT,
}


class Problem(Value, frozen=True, kw_only=True):
    """An error as in https://www.rfc-editor.org/rfc/rfc9457. docs/reference/codes.md lists every `code`."""

    type: str
    title: str
    status: int
    detail: str
    code: Code
    #: The id of the request in the logs.
    request_id: str | None = None


def from_error(request: Request, error: Exception) -> Response:
    """The answer to a PicturePerfectError. Details that only an operator can act on go to the log instead."""
    if not isinstance(error, PicturePerfectError):
        raise error
    if isinstance(error, Unavailable):
        _log(request, f"{type(error).__name__} {error.code}")
        return response(
            request, HTTPStatus.SERVICE_UNAVAILABLE, error.code, "A service did not answer. Try again in a moment."
        )
    if isinstance(error, Misconfigured):
        _log(request, str(error))
        message = "The service is misconfigured. Its operator must act."
        return response(request, HTTPStatus.INTERNAL_SERVER_ERROR, error.code, message)
    return response(request, _STATUS_BY_CODE.get(error.code, HTTPStatus.BAD_REQUEST), error.code, error.message)


def from_http_exception(request: Request, error: Exception) -> Response:
    """The answer to Starlette's own errors: an unknown path or method."""
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    code = Code.NOT_FOUND if status is HTTPStatus.NOT_FOUND else Code.INVALID_REQUEST
    answer = response(request, status, code, f"{status.description or status.phrase}.")
    answer.headers.update(error.headers or {})
    return answer


def from_crash(request: Request, error: Exception) -> Response:
    """The answer to a bug. The log gets its place in the code, and no data of the request."""
    frames = traceback.extract_tb(error.__traceback__)
    location = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames[-5:]))
    _log(request, f"{type(error).__name__} at {location}")
    return response(request, HTTPStatus.INTERNAL_SERVER_ERROR, Code.INTERNAL_ERROR, "This is a bug of the service.")


def response(request: Request, status: HTTPStatus, code: Code, detail: str) -> Response:
    """A problem document as a response."""
    problem = Problem(
        type=f"/api/docs#{code.value}",
        title=status.phrase,
        status=status.value,
        detail=detail,
        code=code,
        request_id=_request_id(request),
    )
    headers = {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else {}
    return Response(msgspec.json.encode(problem), status.value, headers, MEDIA_TYPE)


def _request_id(request: Request) -> str | None:
    event = request.scope.get("aws.event")
    context = event.get("requestContext") if isinstance(event, dict) else None
    request_id = context.get("requestId") if isinstance(context, dict) else None
    return request_id if isinstance(request_id, str) else None


def _log(request: Request, message: str) -> None:
    """Log the route, not the path and the query: those may contain names."""
    route = getattr(request.scope.get("route"), "path", "-")
    log.say(f"{_request_id(request)} {request.method} {route}: {message}")
