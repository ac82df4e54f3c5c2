"""Settings that the pages state have the stated defaults; every link, anchor and path leads somewhere."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from infra.settings.schema import Settings

ROOT = Path(__file__).parents[3]
FILES = [*ROOT.glob("*.md"), *ROOT.glob("infra/*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in FILES if path.name != "CHANGELOG.md"}
STATING = {"architecture", "deploy", "idle-costs", "choose-batch", "failed-image"}
TEXT = {name: text for name, text in PAGES.items() if Path(name).stem in STATING}
DEFAULTS: dict[str, Any] = msgspec.to_builtins(Settings())
_SETTING = re.compile(r"`([a-z]+)\.([a-z_]+)`(?: \(([^)]+)\))?")
#: These look like settings: columns of the database, entry points.
_OTHERS = {"renditions", "handler"}


def stated_settings() -> list[tuple[str, str, str, str]]:
    """Page, section, field and stated default (may be empty) of each `section.field` in the pages."""
    matches = [(page, *match) for page, text in TEXT.items() for match in _SETTING.findall(text)]
    return [match for match in matches if match[1] not in _OTHERS and match[2] != "toml"]


def test_the_pages_state_defaults() -> None:
    assert sum(bool(value) for *_, value in stated_settings()) > 15


@pytest.mark.parametrize(("page", "section", "field", "value"), stated_settings())
def test_every_stated_setting_exists_with_the_stated_default(page: str, section: str, field: str, value: str) -> None:
    default = DEFAULTS[section][field]
    if value:
        spelled = str(default).lower() if isinstance(default, bool) else f"{default:g}"
        assert value.partition(":")[0] == spelled, f"{page}: {section}.{field}"


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_and_every_anchor_to_a_heading(page: str) -> None:
    broken = []
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", PAGES[page]):
        if ":" in target:
            continue
        file = (ROOT / page).parent / target if target else ROOT / page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            broken.append(f"{target}#{anchor}")
    assert broken == []


def anchors(file: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    text = re.sub(r"^```.*?^```", "", file.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


_FOLDERS = "core|infra|tests|pictureperfect|localcloud|dashboards|tools|handler|batch|docs|container|benchmarks|example"


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_is_named_is_there(page: str) -> None:
    paths = re.findall(rf"`((?:{_FOLDERS})/[A-Za-z0-9_./-]*)`", PAGES[page])
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_index_links_every_page_of_docs() -> None:
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")} - {"README.md"}
    assert pages - {target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", index)} == set()


def test_contributing_lists_every_package_of_core_and_every_folder_of_tests() -> None:
    page = PAGES["CONTRIBUTING.md"]
    for folder in ("core", "tests"):
        folders = {path.parent.name for path in (ROOT / folder).glob("*/__init__.py")}
        assert set(re.findall(rf"`{folder}/(\w+)/`(?=[^|\n]*\|)", page)) == folders


def test_the_page_of_the_container_names_every_entry_point() -> None:
    entries = re.findall(r'"(handler\.\w+)"', (ROOT / "container" / "check.py").read_text("utf-8"))
    page = PAGES["docs/how-to/container.md"]
    assert {name for name in entries if f"`{name}.handle`" not in page} == set()
