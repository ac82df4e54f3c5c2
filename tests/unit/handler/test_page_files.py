"""The page's own files, read without a browser."""

import re
from pathlib import Path

import pytest

from core.domain.errors import Code

STATIC = Path(__file__).parents[3] / "handler" / "web" / "static"
OURS = sorted(path for path in STATIC.rglob("*") if path.is_file() and "vendor" not in path.parts)
MODULES = [path for path in OURS if path.suffix == ".js"]
DOCS = Path(__file__).parents[3] / "docs"


def test_every_way_an_image_ends_has_words_on_the_page() -> None:
    words = (STATIC / "words.js").read_text("utf-8")
    listed = words[words.index("export const CODES = {") :]
    known = set(re.findall(r"^  ([a-z_]+): \[", listed, re.MULTILINE))
    sections = re.split(r"^## ", (DOCS / "reference" / "codes.md").read_text("utf-8"), flags=re.MULTILINE)
    ends = {
        code
        for section in sections
        if section.startswith(("The image", "The run"))
        for code in re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)
    }
    assert len(ends) == 19
    assert known == ends
    assert known <= {code.value for code in Code}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_module_makes_html_or_code_of_text_and_none_is_long(path: Path) -> None:
    text = path.read_text("utf-8")
    forbidden = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "DOMParser")
    assert [word for word in forbidden if word in text] == []
    assert 'setAttribute("style"' not in text
    assert len(text.splitlines()) <= 180


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_nothing_is_asked_of_another_host(path: Path) -> None:
    if path.suffix in {".js", ".css", ".html", ".svg"}:
        hosts = set(re.findall(r"""(?:https?:)?//[^\s"'`)]+""", path.read_text("utf-8")))
        assert {host for host in hosts if host.startswith(("http:", "https:"))} <= {"http://www.w3.org/2000/svg"}


def test_the_document_has_no_inline_script_or_style_and_its_files_are_there() -> None:
    text = (STATIC / "index.html").read_text("utf-8")
    assert re.findall(r"<script(?![^>]* src=)", text) == []
    assert "<style" not in text
    assert re.findall(r"\s(?:style|on[a-z]+)=", text) == []
    named = re.findall(r"/static/([^\"#]+)", text)
    assert named
    assert [name for name in named if not (STATIC / name).is_file()] == []


def test_what_was_not_written_here_has_its_licence() -> None:
    told = (STATIC / "vendor" / "README.md").read_text("utf-8")
    assert "MIT" in (STATIC / "vendor" / "uplot" / "LICENSE").read_text("utf-8")
    for font in ("instrument-serif", "instrument-sans"):
        assert "SIL OPEN FONT LICENSE" in (STATIC / "vendor" / "fonts" / f"LICENSE-{font}").read_text("utf-8").upper()
        assert font in told


def test_every_drawing_that_is_used_is_drawn() -> None:
    drawn = set(re.findall(r'symbol id="([a-z]+)"', (STATIC / "icons.svg").read_text("utf-8")))
    used = set(re.findall(r"icons\.svg#([a-z]+)", (STATIC / "index.html").read_text("utf-8")))
    for path in MODULES:
        used |= set(re.findall(r'\bicon\("([a-z]+)"\)', path.read_text("utf-8")))
    assert used
    assert used <= drawn
