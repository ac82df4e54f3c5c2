"""docs/explanation/costs.md shows the table that is shipped."""

from pathlib import Path

from core.routing import cost_table
from tools.docs import costs as cost_document

DOCUMENT = Path(__file__).parents[3] / "docs" / "explanation" / "costs.md"


def test_the_document_shows_the_shipped_table() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert cost_document.in_document(text, cost_table.load("x86_64")) == text


def test_every_kind_has_a_row() -> None:
    costs = cost_table.load("x86_64")
    rows = cost_document.markdown(costs).splitlines()[4:]
    assert [row.split("`")[1] for row in rows] == list(costs.kinds)
