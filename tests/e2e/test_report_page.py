"""The report's HTML page in Chromium: it loads nothing, is accessible, and fits every width."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

from core.adapters.postgres.figures import PostgresFigures
from core.adapters.postgres.ledger import PostgresLedger
from core.domain.model import Result
from core.ports.reports import Report, ReportQuery
from core.services.reporting import ReportService
from pictureperfect.reports.html import page
from tests.support.ledger import counted
from tests.support.ledger.counted import LAST
from tests.support.web.page_world import CHROMIUM, needs_chromium

MONTH = ReportQuery(since=LAST - timedelta(days=29), until=LAST)
HOSTILE = '<b onclick="alert(1)">&"\''


def with_long_name(image: Result) -> Result:
    """The image as one of a customer with the longest allowed name."""
    return msgspec.structs.replace(image, customer="c" * 64)


def with_markup(report: Report) -> Report:
    """The report with HTML as names. The ledger refuses such names; the page must not rely on that."""
    lines = tuple(msgspec.structs.replace(line, name=HOSTILE) for line in report.movers)
    return msgspec.structs.replace(report, by=dict.fromkeys(report.by, lines), movers=lines)


@pytest.fixture(scope="module")
def reports(postgres: Callable[[], str]) -> dict[str, Report]:
    url = postgres()
    ledger = PostgresLedger(url)
    ledger.migrate()
    images = counted.images(300, 70)
    ledger.record([*images[:-2], *map(with_long_name, images[-2:])], [])
    ledger.close()
    figures = PostgresFigures(url)
    queries = {
        "all": MONTH,
        "one": msgspec.structs.replace(MONTH, customer="acme"),
        "none": msgspec.structs.replace(MONTH, customer="nobody"),
        "year": msgspec.structs.replace(MONTH, since=LAST - timedelta(days=364)),
    }
    made = {name: ReportService(figures=figures).report(query) for name, query in queries.items()}
    figures.close()
    return made


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.long
@needs_chromium
@pytest.mark.parametrize(
    ("which", "scheme", "width"),
    [
        ("all", "dark", 390),
        ("one", "light", 1280),
        ("none", "dark", 800),
    ],
)
def test_a_page_is_accessible_and_loads_nothing(
    chromium: Browser, reports: dict[str, Report], which: str, scheme: Any, width: int
) -> None:
    context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    shown, requests, messages = context.new_page(), [], []
    shown.on("request", lambda request: requests.append(request.url))
    shown.on("console", lambda message: messages.append(message.text))
    shown.set_content(page(reports[which]))
    shown.evaluate("document.querySelector('details')?.setAttribute('open', '')")
    accessibility = Axe().run(shown)
    assert accessibility.violations_count == 0, accessibility.generate_report()
    assert (requests, messages) == ([], [])
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    assert shown.evaluate(_CLIPPED) == []
    context.close()


#: Labels of axes that leave their card or overlap another label.
_CLIPPED = """
() => {
  const bad = [];
  for (const card of document.querySelectorAll("figure.card")) {
    const frame = card.getBoundingClientRect();
    for (const axis of card.querySelectorAll(".axis-x, .axis-y")) {
      const boxes = [...axis.querySelectorAll("span")].map(span => [span.textContent, span.getBoundingClientRect()])
        .filter(([, box]) => box.width > 0);
      boxes.forEach(([text, box], place) => {
        if (box.left < frame.left || box.right > frame.right || box.top < frame.top || box.bottom > frame.bottom)
          bad.push(`outside: ${text}`);
        for (const [other, next] of boxes.slice(place + 1))
          if (box.left < next.right && next.left < box.right && box.top < next.bottom && next.top < box.bottom)
            bad.push(`over each other: ${text}, ${other}`);
      });
    }
  }
  return bad;
}
"""


@pytest.mark.long
@needs_chromium
def test_the_labels_of_a_year_do_not_overlap(chromium: Browser, reports: dict[str, Report]) -> None:
    for width in (390, 900, 1600):
        shown = chromium.new_page(viewport={"width": width, "height": 900})
        shown.set_content(page(reports["year"]))
        assert shown.evaluate(_CLIPPED) == []
        shown.close()


@needs_chromium
def test_each_chart_has_its_numbers_as_a_table(chromium: Browser, reports: dict[str, Report]) -> None:
    report = reports["all"]
    shown = chromium.new_page()
    shown.set_content(page(report))
    tables = shown.evaluate(_TABLES)
    assert len(tables) == shown.locator("svg").count() == 5
    assert len(tables[0]) == MONTH.days
    assert sum(int(row[-1].replace(",", "")) for row in tables[0]) == report.sums.images
    shown.close()


_TABLES = """
() => [...document.querySelectorAll("details table")].map(table =>
  [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.textContent)))
"""


def test_names_are_escaped(reports: dict[str, Report]) -> None:
    html = page(with_markup(reports["all"]))
    assert HOSTILE not in html
    assert html.count("&lt;b onclick=&#34;alert(1)&#34;&gt;") >= 5


def test_a_report_without_images_gives_advice(reports: dict[str, Report]) -> None:
    html = page(reports["none"])
    assert "no image of <strong>nobody</strong>" in html
    assert "--since" in html
    assert "<svg" not in html
