"""API Gateway's HTTP API in front of the page's function: the same routes, the same authorizer, the same events.

It is what infra/ asks of AWS: `/api/` only for a token of the issuer, the page itself for everyone.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qsl
from uuid import uuid4

import jwt
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from localcloud.lambda_.function import Invocation

#: What the HTTP API takes; the function's own limit for what it is given is smaller.
_MAX_BODY = 10_485_760
_PUBLIC = ("/api/docs", "/api/openapi.json")
_API_METHODS = ("GET", "POST", "DELETE")
_LEEWAY_SECONDS = 0


class Authorizer(NamedTuple):
    """Whose tokens are accepted, and for whom they must be made out. `key` is the issuer's public one."""

    issuer: str
    audience: str
    key: Any

    def claims(self, header: str) -> dict[str, str] | None:
        """The claims of a bearer token, as text, as AWS hands them on; None where it is not accepted."""
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            said: dict[str, Any] = jwt.decode(
                token.strip(),
                self.key,
                algorithms=["RS256"],  # AWS's authorizer knows RSA alone
                issuer=self.issuer,
                leeway=_LEEWAY_SECONDS,
                # `aud` is looked at below: an access token has `client_id` instead
                options={"require": ["exp", "iss"], "verify_aud": False},
            )
        except jwt.PyJWTError:
            return None
        made_out = said.get("aud", said.get("client_id"))
        if self.audience not in (made_out if isinstance(made_out, list) else [made_out]):
            return None
        return {name: _as_text(value) for name, value in said.items()}


class Gateway:
    """The routes. `invoke` runs the function with an event; `further` are routes that are not the function's."""

    def __init__(
        self, authorizer: Authorizer, invoke: Callable[[dict[str, Any]], Invocation], further: list[BaseRoute]
    ) -> None:
        self._authorizer = authorizer
        self._invoke = invoke
        self.app = Starlette(
            routes=[
                *further,
                Route("/{path:path}", self._answer, methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
            ]
        )

    async def _answer(self, request: Request) -> Response:
        path, method = request.url.path, request.method
        guarded = path.startswith("/api/") and path not in _PUBLIC
        if method not in (_API_METHODS if guarded else ("GET",)):
            return _message(HTTPStatus.NOT_FOUND, "Not Found")
        claims = self._authorizer.claims(request.headers.get("authorization", "")) if guarded else None
        if guarded and claims is None:
            return _message(HTTPStatus.UNAUTHORIZED, "Unauthorized", {"www-authenticate": "Bearer"})
        body = await request.body()
        if len(body) > _MAX_BODY:
            return _message(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Request Entity Too Large")
        route = f"{method} {'/api/{proxy+}' if guarded else '/{proxy+}'}"
        invocation = await run_in_threadpool(self._invoke, _event(request, route, body, claims))
        if invocation.error or not isinstance(invocation.payload, dict):
            return _message(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")
        return _translated(invocation.payload)


def _event(request: Request, route: str, body: bytes, claims: Mapping[str, str] | None) -> dict[str, Any]:
    """Payload 2.0."""
    now = time.time()
    headers: dict[str, str] = {}
    for name, value in request.headers.items():  # the same header twice is one, with a comma
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    headers.pop("cookie", None)
    raw_query = request.scope["query_string"].decode("latin-1")
    query: dict[str, str] = {}
    for name, value in parse_qsl(raw_query, keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    client = request.client.host if request.client else "127.0.0.1"
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": request.url.path,
        "rawQueryString": raw_query,
        "headers": {**headers, "x-forwarded-proto": request.url.scheme, "x-forwarded-for": client},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": request.url.netloc,
            "domainPrefix": "local",
            "http": {
                "method": request.method,
                "path": request.url.path,
                "protocol": "HTTP/1.1",
                "sourceIp": client,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": uuid4().hex[:16],
            "routeKey": route,
            "stage": "$default",
            "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": True,
        "body": base64.b64encode(body).decode(),
    }
    if query:
        event["queryStringParameters"] = query
    if request.cookies:
        event["cookies"] = [f"{name}={value}" for name, value in request.cookies.items()]
    if claims is not None:
        event["requestContext"]["authorizer"] = {"jwt": {"claims": dict(claims), "scopes": None}}
    if not body:
        del event["body"]
        event["isBase64Encoded"] = False
    return event


def _translated(payload: Mapping[str, Any]) -> Response:
    """What a function answers to such an event."""
    body = str(payload.get("body", ""))
    content = base64.b64decode(body) if payload.get("isBase64Encoded") else body.encode()
    response = Response(content, int(payload.get("statusCode", 200)))
    for name, value in (payload.get("headers") or {}).items():
        response.headers[name] = str(value)
    for cookie in payload.get("cookies") or ():
        response.headers.append("set-cookie", str(cookie))
    return response


def _message(status: HTTPStatus, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps({"message": message}), status, headers, "application/json")


def _as_text(value: object) -> str:
    """Numbers and lists are text in the event: `1700000000`, `[one two]`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{' '.join(map(_as_text, value))}]"
    return value if isinstance(value, str) else json.dumps(value)
