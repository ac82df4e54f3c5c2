"""The OpenAPI 3.1 document, made from ENDPOINTS and the types of their requests and answers."""

from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import msgspec

from core.domain.model import Value
from handler.web.endpoints import ENDPOINTS, Endpoint
from handler.web.problems import MEDIA_TYPE, Problem

_REFERENCE = "#/components/schemas/{name}"
#: Error statuses of every endpoint.
_COMMON = (400, 401, 403, 503)
_WITH_BODY = (413, 415)
_DESCRIPTIONS = {
    304: "If-None-Match has the ETag of the current answer",
    400: "A field is missing or wrong; `detail` names it",
    401: "The token is missing, or the gateway rejects it",
    403: "The token names no customer",
    404: "It does not exist, or it belongs to another customer",
    409: "Parts are missing, or there are too many",
    413: "The body has more than 1,000,000 bytes",
    415: "The body's content type is not JSON",
    503: "A service did not answer; try again in a moment",
}
#: Statuses that API Gateway may answer itself, with its own body.
_GATEWAY = (401, 403, 404, 503)


@cache
def document() -> dict[str, Any]:
    """The document as plain JSON values."""
    kinds: set[type[Value]] = {Problem}
    for item in ENDPOINTS:
        kinds.update(kind for kind in (item.answer, item.body, item.query, item.path_type) if kind)
    ordered = sorted(kinds, key=lambda kind: kind.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template=_REFERENCE)
    _use_ecmascript_patterns(components)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, components)
    parameters = {kind.__name__ for item in ENDPOINTS for kind in (item.query, item.path_type)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Picture Perfect",
            "version": version("picture-perfect"),
            "description": (
                "Upload images, and read their renditions. Each request needs a token of the login in its header "
                "`Authorization: Bearer …`; the token names the customer."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in components.items() if name not in parameters},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation(endpoint: Endpoint, components: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "parameters": [
            *_parameters("path", components[endpoint.path_type.__name__]),
            *_parameters("query", components[endpoint.query.__name__]),
        ],
        "responses": {
            str(endpoint.status): _success(endpoint),
            **({"304": {"description": _DESCRIPTIONS[304]}} if endpoint.tagged else {}),
            **{str(status): _problem(status) for status in sorted(_error_statuses(endpoint))},
        },
    }
    if endpoint.body:
        described["requestBody"] = {"required": True, "content": _json(endpoint.body)}
    return described


def _error_statuses(endpoint: Endpoint) -> set[int]:
    return {*_COMMON, *endpoint.refuses, *(_WITH_BODY if endpoint.body else ())}


def _parameters(location: str, schema: dict[str, Any]) -> list[dict[str, Any]]:
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": location,
            "required": name in required,
            "schema": field,
        }
        for name, field in schema.get("properties", {}).items()
    ]


def _success(endpoint: Endpoint) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(endpoint.status).phrase}
    if endpoint.tagged:
        answer["headers"] = {"ETag": {"description": "For If-None-Match", "schema": {"type": "string"}}}
    return answer | ({"content": _json(endpoint.answer)} if endpoint.answer else {})


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": _REFERENCE.format(name=Problem.__name__)}
    content: dict[str, Any] = {MEDIA_TYPE: {"schema": schema}}
    if status in _GATEWAY:  # see _GATEWAY
        content["application/json"] = {"schema": {"type": "object", "properties": {"message": {"type": "string"}}}}
    return {"description": _DESCRIPTIONS[status], "content": content}


def _json(kind: type) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REFERENCE.format(name=kind.__name__)}}}


def _use_ecmascript_patterns(node: Any) -> None:  # noqa: ANN401 - JSON
    r"""Replace Python's `\Z`: JSON Schema's patterns are ECMAScript's, where `$` matches only at the end."""
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            node["pattern"] = node["pattern"].replace("\\Z", "$")
        for value in node.values():
            _use_ecmascript_patterns(value)
    elif isinstance(node, list):
        for value in node:
            _use_ecmascript_patterns(value)


def document_text() -> str:
    """The text of docs/reference/openapi.json."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=1).decode() + "\n"
