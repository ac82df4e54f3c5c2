"""The OpenAPI document as an HTML page for people, without scripts and with one style sheet."""

from collections.abc import Iterator
from html import escape
from typing import Any


def page(document: dict[str, Any]) -> str:
    """The document as HTML."""
    info = document["info"]
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = document["components"]["schemas"]
    contents = "".join(
        f'<li><a href="#{escape(item["operationId"])}"><code>{method.upper()} {escape(path)}</code></a></li>'
        for path, method, item in operations
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'<title>{escape(info["title"])}: the API</title><link rel="stylesheet" href="/docs.css"></head><body><main>'
        f"<h1>{escape(info['title'])}: the API</h1><p>{escape(info['description'])}</p>"
        '<p><a href="/api/openapi.json">Download the OpenAPI document</a></p>'
        f"<nav><ul>{contents}</ul></nav>"
        f"{''.join(_operation(*item) for item in operations)}"
        f"<h2>Types</h2>{''.join(_schema(name, schema) for name, schema in sorted(schemas.items()))}"
        "</main></body></html>"
    )


def _operation(path: str, method: str, item: dict[str, Any]) -> str:
    body = item.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    answers = "".join(
        f"<tr><td>{status}</td><td>{escape(answer['description'])}</td><td>{'<br>'.join(_contents(answer))}</td></tr>"
        for status, answer in item["responses"].items()
    )
    return (
        f'<section id="{escape(item["operationId"])}"><h2><code>{method.upper()} {escape(path)}</code></h2>'
        f"<p>{escape(item['summary'])}.</p>"
        f"{_fields(item['parameters'])}"
        f"{f'<p>Body: {_type(body)}</p>' if body else ''}"
        f"<table><thead><tr><th>Status</th><th>When</th><th>Body</th></tr></thead><tbody>{answers}</tbody></table></section>"
    )


def _contents(answer: dict[str, Any]) -> Iterator[str]:
    for kind, content in answer.get("content", {}).items():
        yield f"{_type(content['schema'])} <small>{escape(kind)}</small>"


def _fields(parameters: list[dict[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(item['name'])}</code></td><td>in the {escape(item['in'])}"
        f"{', required' if item['required'] else ''}</td><td>{_type(item['schema'])}</td></tr>"
        for item in parameters
    )
    return (
        f"<table><thead><tr><th>Field</th><th>Where</th><th>Type</th></tr></thead><tbody>{rows}</tbody></table>"
        if rows
        else ""
    )


def _schema(name: str, schema: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code></td><td>{_type(field_schema)}</td></tr>"
        for field, field_schema in schema.get("properties", {}).items()
    )
    table = f"<table><thead><tr><th>Field</th><th>Type</th></tr></thead><tbody>{rows}</tbody></table>" if rows else ""
    values = ", ".join(f"<code>{escape(str(value))}</code>" for value in schema.get("enum", []))
    anchors = "".join(f'<span id="{escape(str(value))}"></span>' for value in schema.get("enum", []) if name == "Code")
    return (
        f'<section id="type-{escape(name)}">{anchors}<h3>{escape(name)}</h3>'
        f"<p>{escape(schema.get('description', ''))}</p>{table}{f'<p>One of {values}.</p>' if values else ''}</section>"
    )


def _type(schema: dict[str, Any]) -> str:
    """A type as HTML: a link, or its name and limits."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#type-{escape(name)}">{escape(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(option) for option in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    limits = ", ".join(
        f"{words} {schema[key]}"
        for key, words in (
            ("minimum", "at least"), ("maximum", "at most"), ("maxLength", "maximum length"), ("pattern", "pattern"),
            ("default", "default"),
        )
        if schema.get(key) not in (None, "")
    )  # fmt: skip
    kind = schema.get("format") or schema.get("type") or "anything"
    return escape(f"{kind}{f' ({limits})' if limits else ''}")
