"""The API's documents match the code: docs/reference/web-api.md, docs/reference/openapi.json, the HTML page."""

import re
from html.parser import HTMLParser
from pathlib import Path

from core.adapters.aws.s3_links import _READ_SECONDS, _STEADY_SECONDS
from handler.web.endpoints import ENDPOINTS
from handler.web.openapi import document
from handler.web.openapi_page import page

DOCS = Path(__file__).parents[3] / "docs"


def test_the_reference_lists_exactly_the_endpoints() -> None:
    listed = re.findall(
        r"^\| `(GET|POST|DELETE) (/api/[^`]*)`", (DOCS / "reference" / "web-api.md").read_text("utf-8"), re.MULTILINE
    )
    assert listed == [(endpoint.method, endpoint.path) for endpoint in ENDPOINTS]


def test_every_field_of_a_query_is_explained() -> None:
    text = (DOCS / "reference" / "web-api.md").read_text("utf-8")
    fields = {
        parameter["name"]
        for methods in document()["paths"].values()
        for operation in methods.values()
        for parameter in operation["parameters"]
        if parameter["in"] == "query"
    }
    assert {field for field in fields if f"`{field}`" not in text} == set()


def test_the_lifetime_of_links_in_the_document_is_that_of_the_code() -> None:
    """A link is signed as of the last full quarter of an hour, and valid from then on for two of them."""
    assert _READ_SECONDS == 2 * _STEADY_SECONDS
    minutes = _STEADY_SECONDS // 60
    description = document()["components"]["schemas"]["RenditionView"]["description"]
    assert f"valid for at least {minutes} minutes, and stay the same for {minutes} minutes" in description


class _Links(HTMLParser):
    """The targets of a page's links, the ids in it, and its elements that would run or fetch something."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.ids: set[str] = set()
        self.runs: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.ids.add(attributes.get("id") or "")
        if (attributes.get("href") or "").startswith("#"):
            self.targets.add(str(attributes["href"])[1:])
        if tag in ("script", "style", "img", "iframe") or any(
            name.startswith("on") or name == "style" for name in attributes
        ):
            self.runs.append(tag)


def test_the_html_page_shows_every_endpoint_and_has_no_dead_links_and_no_scripts() -> None:
    html = page(document())
    links = _Links(html)
    assert {endpoint.name for endpoint in ENDPOINTS} <= links.targets <= links.ids
    assert links.runs == []
    assert "upload_incomplete" in links.ids  # the target of a problem's `type`
    assert all(endpoint.path in html for endpoint in ENDPOINTS)
