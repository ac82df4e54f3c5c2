"""The sections of docs/ that are made from code are what the code makes now: `make docs` writes them."""

import sys
from pathlib import Path

import pytest

from tools.docs import __main__ as command
from tools.docs import section
from tools.docs.section import Section, between, replace_between
from tools.docs.sections import SECTIONS

#: Documents that need the synthesized stack, half a minute.
SYNTHESIZED = {"reference/idle-costs.md", "reference/permissions.md"}
FRESH = [
    pytest.param(one, id=one.name, marks=[pytest.mark.long] if one.file in SYNTHESIZED else []) for one in SECTIONS
]


@pytest.mark.parametrize("one", FRESH)
def test_a_section_is_what_the_code_makes_now(one: Section) -> None:
    assert one.current() == one.render(), f"make docs, or python -m tools.docs {one.path.stem}"


def test_every_section_has_a_name_of_its_own() -> None:
    assert len({one.name for one in SECTIONS}) == len(SECTIONS)


def test_text_between_marks_is_replaced_and_nothing_else() -> None:
    document = "# Title\n\n<!-- a: begin -->\nold\nlines\n<!-- a: end -->\n\n<!-- b: begin -->\nb\n<!-- b: end -->\n"
    assert between(document, "a") == "old\nlines"
    assert replace_between(document, "a", "new") == document.replace("old\nlines", "new")
    assert replace_between(document, "a", between(document, "a")) == document
    with pytest.raises(ValueError, match="has no lines <!-- c: begin --> and <!-- c: end -->"):
        replace_between(document, "c", "new")


@pytest.fixture
def stale(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Section:
    """One stale section, the only one there is."""
    found = Section("a.md", "a", lambda: "new")
    monkeypatch.setattr(section, "DOCS", tmp_path)
    monkeypatch.setattr(command, "SECTIONS", (found,))
    found.path.write_text("<!-- a: begin -->\nold\n<!-- a: end -->\n")
    return found


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["tools.docs", *arguments])
    return command.main()


def test_check_names_what_is_stale_and_writes_nothing(
    stale: Section, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--check") == 1
    assert capsys.readouterr().out == "stale: docs/a.md#a\n"
    assert stale.current() == "old"


def test_without_check_stale_sections_are_written(stale: Section, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch) == 0
    assert stale.current() == "new"
    assert run(monkeypatch, "--check") == 0


def test_an_unknown_document_is_refused(
    stale: Section, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, "nothing")
    assert ended.value.code == 2
    assert f"there are {stale.path.stem}" in capsys.readouterr().err
