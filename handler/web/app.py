"""The ASGI application: static files for everyone, the API for requests that the gateway authenticated."""

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
from core.services.web.services import WebServices
from handler.web import assets, problems
from handler.web.auth import authenticated_customer
from handler.web.endpoints import ENDPOINTS, ApiRequest, Endpoint
from handler.web.headers import SecurityHeaders

_MAX_DIGITS = 9  # of a number in a query: no parameter allows larger ones
_MAX_BODY = 1_000_000  # bytes; an announcement of a hundred files with long names has half as many
ValueT = TypeVar("ValueT", bound=Value)


def application(services: WebServices) -> Starlette:
    """The application with its routes, middleware and error handlers."""
    routes: list[BaseRoute] = [
        Route("/", assets.index, methods=["GET"]),
        Route("/static/{path:path}", assets.file, methods=["GET"]),
        Route("/config.json", _config(services), methods=["GET"]),
        Route("/api/openapi.json", _openapi, methods=["GET"]),
        Route("/api/docs", _docs, methods=["GET"]),
        Route("/docs.css", assets.docs_css, methods=["GET"]),
    ]
    for path in dict.fromkeys(endpoint.path for endpoint in ENDPOINTS):
        by_method = {endpoint.method: endpoint for endpoint in ENDPOINTS if endpoint.path == path}
        routes.append(Route(path, _api_handler(services, by_method), methods=list(by_method)))
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(SecurityHeaders, services=services),
            Middleware(GZipMiddleware, minimum_size=1000, compresslevel=5),
        ],
        exception_handlers={
            PicturePerfectError: problems.from_error,
            HTTPException: problems.from_http_exception,
            Exception: problems.from_crash,
        },
    )


def _api_handler(services: WebServices, by_method: dict[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        endpoint = by_method.get(request.method)
        if endpoint is None:  # Starlette adds HEAD to GET; the API has no HEAD
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": ", ".join(by_method)})
        try:
            api_request = ApiRequest(
                customer=authenticated_customer(request.scope, services.settings.customer_claim),
                path=_path(request, endpoint.path_type),
                query=_query(request.query_params, endpoint.query),
                body=await _body(request, endpoint.body) if endpoint.body else None,
            )
            answer = await run_in_threadpool(endpoint.call, services, api_request)
        except (PicturePerfectError, HTTPException):
            raise
        except Exception as error:  # noqa: BLE001 - Starlette would re-raise it, and the log repeat customers' data
            return problems.from_crash(request, error)
        if answer is None:
            return Response(status_code=endpoint.status)
        content = msgspec.json.encode(answer)
        # A weak ETag, since the middleware may compress the content
        headers = {"ETag": f"W/{assets.make_etag(content)}"} if endpoint.tagged else {}
        if headers and assets.etag_matches(request, headers["ETag"]):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(content, endpoint.status, headers, media_type="application/json")

    return handle


def _path(request: Request, kind: type[ValueT]) -> ValueT:
    try:
        return msgspec.convert(request.path_params, kind)
    except msgspec.ValidationError as error:
        raise Refusal(Code.NOT_FOUND, f"There is nothing at this path: {error}.") from error


def _query(query: QueryParams, kind: type[ValueT]) -> ValueT:
    items = query.multi_items()
    fields: dict[str, str | int] = dict(items)
    if len(fields) != len(items):
        raise Refusal(Code.INVALID_REQUEST, "A field occurs twice in the query.")
    for name in _integer_fields(kind) & set(query):
        if query[name].isascii() and query[name].isdecimal():
            fields[name] = int(query[name][:_MAX_DIGITS])
    try:
        return msgspec.convert(fields, kind)  # strict: else `null` would count as None and 0.5 as a time
    except msgspec.ValidationError as error:
        raise Refusal(Code.INVALID_REQUEST, f"In the query: {error}.") from error


@cache
def _integer_fields(kind: type[Value]) -> frozenset[str]:
    """Names of the fields that are integers: a query has them as text."""
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


def _config(services: WebServices) -> Callable[[Request], Response]:
    """The settings that the page needs for the login."""
    settings = services.settings
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
    from handler.web.openapi import document  # noqa: PLC0415 - the page does not need it

    return Response(msgspec.json.encode(document()), media_type="application/json")


def _docs(_request: Request) -> Response:
    from handler.web.openapi import document  # noqa: PLC0415 - the page does not need it
    from handler.web.openapi_page import page  # noqa: PLC0415 - the page does not need it

    return Response(page(document()), media_type="text/html; charset=utf-8")
