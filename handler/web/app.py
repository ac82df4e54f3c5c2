"""The ASGI application: the page's files for everyone, the API for whom the gateway vouches for."""

from collections.abc import Awaitable, Callable
from functools import cache
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from core.domain import stored_documents
from core.domain.errors import Code, PicturePerfectError, Refusal
from core.domain.model import Value
from core.ports.gallery import Limit
from core.services.web.services import Web
from handler.web import assets, identity, problems
from handler.web.headers import SecurityHeaders
from handler.web.operations import OPERATIONS, Asked, Operation

_DIGITS = 9  # of a number in a query; more are of none that is allowed
_MAX_BODY = 1_000_000  # bytes; a hundred files with long names have half of it
ValueT = TypeVar("ValueT", bound=Value)


def application(web: Web) -> Starlette:
    """The whole of it, on given services."""
    routes: list[BaseRoute] = [
        Route("/", assets.index, methods=["GET"]),
        Route("/static/{path:path}", assets.file, methods=["GET"]),
        Route("/config.json", _config(web), methods=["GET"]),
        Route("/api/openapi.json", _openapi, methods=["GET"]),
        Route("/api/docs", _docs, methods=["GET"]),
        Route("/docs.css", assets.docs_css, methods=["GET"]),
    ]
    for path in dict.fromkeys(operation.path for operation in OPERATIONS):
        here = {operation.method: operation for operation in OPERATIONS if operation.path == path}
        routes.append(Route(path, _endpoint(web, here), methods=list(here)))
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(SecurityHeaders, services=web),
            Middleware(GZipMiddleware, minimum_size=1000, compresslevel=5),
        ],
        exception_handlers={
            PicturePerfectError: problems.of_error,
            HTTPException: problems.of_http,
            Exception: problems.of_crash,
        },
    )


def _endpoint(web: Web, operations: dict[str, Operation]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        operation = operations.get(request.method)
        if operation is None:  # Starlette adds HEAD to GET; the gateway knows none
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": ", ".join(operations)})
        try:
            asked = Asked(
                customer=identity.customer(request.scope, web.settings.customer_claim),
                path=_path(request, operation.path_type),
                query=_query(request.query_params, operation.query),
                body=await _body(request, operation.body) if operation.body else None,
            )
            answer = await run_in_threadpool(operation.call, web, asked)
        except (PicturePerfectError, HTTPException):
            raise
        except Exception as error:  # noqa: BLE001 - Starlette would raise it on, and its text be in the server's log
            return problems.of_crash(request, error)
        if answer is None:
            return Response(status_code=operation.status)
        content = msgspec.json.encode(answer)
        headers = {"ETag": f"W/{assets.tag(content)}"} if operation.tagged else {}  # weak: it may yet be compressed
        if headers and assets.is_known(request, headers["ETag"]):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(content, operation.status, headers, media_type="application/json")

    return endpoint


def _path(request: Request, kind: type[ValueT]) -> ValueT:
    try:
        return msgspec.convert(request.path_params, kind)
    except msgspec.ValidationError as error:  # what cannot be a name is the name of nothing
        raise Refusal(Code.NOT_FOUND, f"There is nothing here: {error}.") from error


def _query(query: QueryParams, kind: type[ValueT]) -> ValueT:
    items = query.multi_items()
    fields: dict[str, str | int] = dict(items)
    if len(fields) != len(items):
        raise Refusal(Code.INVALID_REQUEST, "A field is said twice in the query.")
    for name in _numbers(kind) & set(query):
        if query[name].isascii() and query[name].isdecimal():
            fields[name] = int(query[name][:_DIGITS])
    try:
        return msgspec.convert(fields, kind)  # strictly: else `null` would be nothing, and 0.5 a time
    except msgspec.ValidationError as error:
        raise Refusal(Code.INVALID_REQUEST, f"In the query: {error}.") from error


@cache
def _numbers(kind: type[Value]) -> frozenset[str]:
    """The fields that are whole numbers; in a query all are text."""
    return frozenset(field.name for field in msgspec.structs.fields(kind) if field.type == Limit)


async def _body(request: Request, kind: type[ValueT]) -> ValueT:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    body = await request.body()
    if len(body) > _MAX_BODY:
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        return stored_documents.decode(body, kind)
    except stored_documents.UnreadableError as error:
        raise Refusal(Code.INVALID_REQUEST, f"In the body: {error}.") from error


def _config(web: Web) -> Callable[[Request], Response]:
    """What the page must know before anybody is logged in."""
    settings = web.settings
    content: dict[str, Any] = {
        "customer_claim": settings.customer_claim,
        "login": {
            "client_id": settings.login_client_id,
            "authorize_url": settings.login_authorize_url,
            "token_url": settings.login_token_url,
            "logout_url": settings.login_logout_url,
        },
    }
    return lambda _request: Response(msgspec.json.encode(content), media_type="application/json")


def _openapi(_request: Request) -> Response:
    from handler.web.openapi import document  # noqa: PLC0415 - for whom reads it, and not for the page

    return Response(msgspec.json.encode(document()), media_type="application/json")


def _docs(_request: Request) -> Response:
    from handler.web.openapi import document  # noqa: PLC0415
    from handler.web.openapi_page import page  # noqa: PLC0415

    return Response(page(document()), media_type="text/html; charset=utf-8")
