"""The page's static files, checked without a browser."""

import re
from pathlib import Path

import pytest

from core.domain.errors import Code

STATIC = Path(__file__).parents[3] / "handler" / "web" / "static"
OURS = sorted(path for path in STATIC.rglob("*") if path.is_file() and "vendor" not in path.parts)
MODULES = [path for path in OURS if path.suffix == ".js"]
DOCS = Path(__file__).parents[3] / "docs"


def test_every_final_code_of_an_image_has_a_text_on_the_page() -> None:
    text = (STATIC / "text.js").read_text("utf-8")
    table = text[text.index("export const CODES = {") :]
    known = set(re.findall(r"^  ([a-z_]+): \[", table, re.MULTILINE))
    sections = re.split(r"^## ", (DOCS / "reference" / "codes.md").read_text("utf-8"), flags=re.MULTILINE)
    final = {
        code
        for section in sections
        if section.startswith(("The image", "The run"))
        for code in re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)
    }
    assert len(final) == 19
    assert known == final
    assert known <= {code.value for code in Code}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_module_makes_html_or_code_of_text(path: Path) -> None:
    text = path.read_text("utf-8")
    forbidden = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "DOMParser")
    assert [word for word in forbidden if word in text] == []
    assert 'setAttribute("style"' not in text


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_nothing_is_loaded_from_another_host(path: Path) -> None:
    if path.suffix in {".js", ".css", ".html", ".svg"}:
        hosts = set(re.findall(r"""(?:https?:)?//[^\s"'`)]+""", path.read_text("utf-8")))
        assert {host for host in hosts if host.startswith(("http:", "https:"))} <= {"http://www.w3.org/2000/svg"}


def test_modules_call_only_methods_that_the_api_client_has() -> None:
    methods = set(re.findall(r"^  (?:async )?([a-z]+)(?:\(| = )", (STATIC / "api.js").read_text("utf-8"), re.MULTILINE))
    calls = {call for path in MODULES for call in re.findall(r"\bapi\.([a-z]+)\(", path.read_text("utf-8"))}
    assert "announce" in calls
    assert calls <= methods


def test_the_document_has_no_inline_script_or_style_and_its_files_are_there() -> None:
    text = (STATIC / "index.html").read_text("utf-8")
    assert re.findall(r"<script(?![^>]* src=)", text) == []
    assert "<style" not in text
    assert re.findall(r"\s(?:style|on[a-z]+)=", text) == []
    names = re.findall(r"/static/([^\"#]+)", text)
    assert names
    assert [name for name in names if not (STATIC / name).is_file()] == []


def test_third_party_files_have_their_licences() -> None:
    vendor = STATIC / "vendor"
    readme = (vendor / "README.md").read_text("utf-8")
    assert {path.name for path in vendor.iterdir()} == {"README.md", "fonts", "uplot"}
    assert "MIT" in (vendor / "uplot" / "LICENSE").read_text("utf-8")
    fonts = {path.name.partition("-latin")[0] for path in (vendor / "fonts").glob("*.woff2")}
    assert fonts
    for font in fonts:
        assert "SIL OPEN FONT LICENSE" in (vendor / "fonts" / f"LICENSE-{font}").read_text("utf-8").upper()
        assert font in readme


def test_every_icon_that_is_used_exists() -> None:
    symbols = set(re.findall(r'symbol id="([a-z]+)"', (STATIC / "icons.svg").read_text("utf-8")))
    used = set(re.findall(r"icons\.svg#([a-z]+)", (STATIC / "index.html").read_text("utf-8")))
    for path in MODULES:
        used |= set(re.findall(r'\bicon\("([a-z]+)"\)', path.read_text("utf-8")))
    assert used
    assert used <= symbols
