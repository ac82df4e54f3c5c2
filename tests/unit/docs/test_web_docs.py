"""What is written of the API is what it does: docs/reference/web-api.md, docs/reference/openapi.json, and the page for people."""

import re
from html.parser import HTMLParser
from pathlib import Path

from core.adapters.aws.s3_links import _READ_SECONDS, _STEADY_SECONDS
from handler.web.openapi import document, written
from handler.web.openapi_page import page
from handler.web.operations import OPERATIONS

DOCS = Path(__file__).parents[3] / "docs"


def test_the_document_in_docs_is_the_one_that_is_served() -> None:
    kept = (DOCS / "reference" / "openapi.json").read_text(encoding="utf-8")
    assert kept == written(), "Write it anew: python -m handler.web.openapi > docs/reference/openapi.json"


def test_every_operation_is_listed_and_none_that_is_not_there() -> None:
    listed = re.findall(
        r"^\| `(GET|POST|DELETE) (/api/[^`]*)`", (DOCS / "reference" / "web-api.md").read_text("utf-8"), re.MULTILINE
    )
    assert listed == [(operation.method, operation.path) for operation in OPERATIONS]


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


def test_how_long_links_are_good_is_told_as_it_is() -> None:
    """To the end of the quarter in which they were signed, and a quarter of an hour more."""
    assert _READ_SECONDS - _STEADY_SECONDS == _STEADY_SECONDS == 15 * 60
    told = document()["components"]["schemas"]["Picture"]["description"]
    for text in (told, (DOCS / "reference" / "web-api.md").read_text("utf-8")):
        assert "good for at least a quarter of an hour, and stay the same for as long" in " ".join(text.split())


def test_what_needs_no_token_is_said() -> None:
    text = " ".join((DOCS / "reference" / "web-api.md").read_text("utf-8").split())
    assert "`/api/docs` the same for people. Each request under `/api/`, but for those two, carries a token" in text


class _Links(HTMLParser):
    """What a page refers to, what is there to be referred to, and what it would run."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.places: set[str] = set()
        self.runs: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.places.add(said.get("id") or "")
        if (said.get("href") or "").startswith("#"):
            self.targets.add(str(said["href"])[1:])
        if tag in ("script", "style", "img", "iframe") or any(
            name.startswith("on") or name == "style" for name in said
        ):
            self.runs.append(tag)


def test_the_page_for_people_shows_every_operation_leads_nowhere_in_vain_and_runs_nothing() -> None:
    html = page(document())
    links = _Links(html)
    assert {operation.name for operation in OPERATIONS} <= links.targets <= links.places
    assert links.runs == []
    assert "upload_incomplete" in links.places  # where a problem's `type` leads to
    assert all(operation.path in html for operation in OPERATIONS)
