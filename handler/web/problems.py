"""Errors as RFC 9457 problem details, with our codes."""

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
_OF_CODES = {
    Code.NOT_AUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    Code.NO_CUSTOMER: HTTPStatus.FORBIDDEN,
    Code.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.UPLOAD_INCOMPLETE: HTTPStatus.CONFLICT,
}


class Problem(Value, frozen=True, kw_only=True):
    """What went wrong: https://www.rfc-editor.org/rfc/rfc9457. `code` is of the closed list; docs/reference/codes.md has it."""

    type: str
    title: str
    status: int
    detail: str
    code: Code
    #: The request's name in the logs.
    request_id: str | None = None


def of_error(request: Request, error: Exception) -> Response:
    """Our own errors: what the caller can mend is told, what an operator must, goes to the log."""
    if not isinstance(error, PicturePerfectError):
        raise error
    if isinstance(error, Unavailable):
        _log(request, f"{type(error).__name__} {error.code}")
        return answer(request, HTTPStatus.SERVICE_UNAVAILABLE, error.code, "It may succeed in a moment.")
    if isinstance(error, Misconfigured):
        _log(request, str(error))
        return answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, error.code, "An operator must act.")
    return answer(request, _OF_CODES.get(error.code, HTTPStatus.BAD_REQUEST), error.code, error.message)


def of_http(request: Request, error: Exception) -> Response:
    """Starlette's own: no such path, no such method."""
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    code = Code.NOT_FOUND if status is HTTPStatus.NOT_FOUND else Code.INVALID_REQUEST
    response = answer(request, status, code, f"{status.description or status.phrase}.")
    response.headers.update(error.headers or {})
    return response


def of_crash(request: Request, error: Exception) -> Response:
    """A mistake of ours: where it is goes to the log, and nothing of what was asked."""
    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames[-5:]))
    _log(request, f"{type(error).__name__} at {where}")
    return answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, Code.INTERNAL_ERROR, "This is a mistake of ours.")


def answer(request: Request, status: HTTPStatus, code: Code, detail: str) -> Response:
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
    found = context.get("requestId") if isinstance(context, dict) else None
    return found if isinstance(found, str) else None


def _log(request: Request, what: str) -> None:
    """Method and route, not the path: it and the query may say names."""
    route = getattr(request.scope.get("route"), "path", "-")
    log.say(f"{_request_id(request)} {request.method} {route}: {what}")
