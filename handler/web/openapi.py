"""The OpenAPI 3.1 document, made from the operations and the types of what they take and answer."""

import sys
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import msgspec

from core.domain.model import Value
from handler.web.operations import OPERATIONS, Operation
from handler.web.problems import MEDIA_TYPE, Problem

_REFERENCE = "#/components/schemas/{name}"
#: What any operation may answer besides.
_USUAL = (400, 401, 403, 503)
_WITH_BODY = (413, 415)
_WORDS = {
    304: "If-None-Match said the ETag of this very answer",
    400: "A field is missing or wrong; the sentence names it",
    401: "There is no token, or the gateway does not accept it",
    403: "The token says no customer",
    404: "There is no such thing, or it is another customer's",
    409: "Parts are missing, or there are too many",
    413: "The body has more than a million bytes",
    415: "The body is not said to be JSON",
    503: "A service did not answer; it may succeed in a moment",
}
_GATEWAY = (401, 403, 404, 503)


@cache
def document() -> dict[str, Any]:
    """The whole document, as JSON's plain values."""
    kinds: set[type[Value]] = {Problem}
    for item in OPERATIONS:
        kinds.update(kind for kind in (item.answer, item.body, item.query, item.path_type) if kind)
    ordered = sorted(kinds, key=lambda kind: kind.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template=_REFERENCE)
    _speak_ecma(components)
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, components)
    asked = {kind.__name__ for item in OPERATIONS for kind in (item.query, item.path_type)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Picture Perfect",
            "version": version("picture-perfect"),
            "description": (
                "Pictures in, renditions out. A token of the login stands in each request's header, "
                "`Authorization: Bearer …`; it says whose images are spoken of."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in components.items() if name not in asked},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation(operation: Operation, components: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [
            *_parameters("path", components[operation.path_type.__name__]),
            *_parameters("query", components[operation.query.__name__]),
        ],
        "responses": {
            str(operation.status): _success(operation),
            **({"304": {"description": _WORDS[304]}} if operation.tagged else {}),
            **{str(status): _problem(status) for status in sorted(_refusals(operation))},
        },
    }
    if operation.body:
        described["requestBody"] = {"required": True, "content": _json(operation.body)}
    return described


def _refusals(operation: Operation) -> set[int]:
    return {*_USUAL, *operation.refuses, *(_WITH_BODY if operation.body else ())}


def _parameters(place: str, schema: dict[str, Any]) -> list[dict[str, Any]]:
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": place,
            "required": name in required,
            "schema": field,
        }
        for name, field in schema.get("properties", {}).items()
    ]


def _success(operation: Operation) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.tagged:
        answer["headers"] = {"ETag": {"description": "For If-None-Match", "schema": {"type": "string"}}}
    return answer | ({"content": _json(operation.answer)} if operation.answer else {})


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": _REFERENCE.format(name=Problem.__name__)}
    content: dict[str, Any] = {MEDIA_TYPE: {"schema": schema}}
    if status in _GATEWAY:  # some of these the gateway answers itself, before the application is asked
        content["application/json"] = {"schema": {"type": "object", "properties": {"message": {"type": "string"}}}}
    return {"description": _WORDS[status], "content": content}


def _json(kind: type) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REFERENCE.format(name=kind.__name__)}}}


def _speak_ecma(node: Any) -> None:  # noqa: ANN401 - JSON
    """Regular expressions in JSON Schema are ECMAScript's: `$` is their end of the text."""
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            node["pattern"] = node["pattern"].replace("\\Z", "$")
        for value in node.values():
            _speak_ecma(value)
    elif isinstance(node, list):
        for value in node:
            _speak_ecma(value)


def written() -> str:
    """The document as it is kept in docs/reference/openapi.json."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=1).decode() + "\n"


if __name__ == "__main__":
    sys.stdout.write(written())
