"""API Gateway's HTTP API in front of the function `web`, as in infra/constructs/web.py: routes, authorizer, events.

`/api/` needs a token of the issuer; everything else is public.
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
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.lambda_.function import Invocation

#: The HTTP API's limit for a request's body, in bytes. Lambda's limit for the event is smaller.
#: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
_MAX_BODY = 10_485_760
_PUBLIC_PATHS = ("/api/docs", "/api/openapi.json")
_API_METHODS = ("GET", "POST", "DELETE")


class Authorizer(NamedTuple):
    """The JWT authorizer: tokens must come from `issuer`, for `audience`. `key` is the issuer's public key."""

    issuer: str
    audience: str
    key: Any

    def claims(self, header: str) -> dict[str, str] | None:
        """The claims of an Authorization header's token, as text, as AWS passes them on; None if it is not accepted."""
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            claims: dict[str, Any] = jwt.decode(
                token.strip(),
                self.key,
                algorithms=["RS256"],  # AWS's authorizer accepts only RSA
                issuer=self.issuer,
                # the audience is checked below: access tokens have `client_id` instead of `aud`
                options={"require": ["exp", "iss"], "verify_aud": False},
            )
        except jwt.PyJWTError:
            return None
        audiences = claims.get("aud", claims.get("client_id"))
        if self.audience not in (audiences if isinstance(audiences, list) else [audiences]):
            return None
        return {name: _as_text(value) for name, value in claims.items()}


def gateway_route(authorizer: Authorizer, invoke: Callable[[dict[str, Any]], Invocation]) -> Route:
    """The API's one route: it matches every path. `invoke` runs the function with an event."""

    async def answer(request: Request) -> Response:
        path, method = request.url.path, request.method
        protected = path.startswith("/api/") and path not in _PUBLIC_PATHS
        if method not in (_API_METHODS if protected else ("GET",)):
            return _message(HTTPStatus.NOT_FOUND, "Not Found")
        claims = authorizer.claims(request.headers.get("authorization", "")) if protected else None
        if protected and claims is None:
            return _message(HTTPStatus.UNAUTHORIZED, "Unauthorized", {"www-authenticate": "Bearer"})
        body = await request.body()
        if len(body) > _MAX_BODY:
            return _message(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Request Entity Too Large")
        route = f"{method} {'/api/{proxy+}' if protected else '/{proxy+}'}"
        invocation = await run_in_threadpool(invoke, _event(request, route, body, claims))
        if invocation.error or not isinstance(invocation.payload, dict):
            return _message(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")
        return _response(invocation.payload)

    return Route("/{path:path}", answer, methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])


def _event(request: Request, route: str, body: bytes, claims: Mapping[str, str] | None) -> dict[str, Any]:
    """The event in payload format 2.0."""
    now = time.time()
    headers: dict[str, str] = {}
    for name, value in request.headers.items():  # repeated headers are joined with a comma
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


def _response(payload: Mapping[str, Any]) -> Response:
    """The HTTP response of a function's answer in payload format 2.0."""
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
    """Claims are text in the event, numbers and lists too: `1700000000`, `[one two]`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{' '.join(map(_as_text, value))}]"
    return value if isinstance(value, str) else json.dumps(value)
