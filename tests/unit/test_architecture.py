"""docs/architecture.md says of the settings what they are, and names nothing that is not there."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from infra.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = ("architecture", "deploy", "idle-costs")
TEXT = {name: (ROOT / "docs" / f"{name}.md").read_text("utf-8") for name in PAGES}
DEFAULTS: dict[str, Any] = msgspec.to_builtins(Settings())
_SETTING = re.compile(r"`([a-z]+)\.([a-z_]+)`(?: \(([^)]+)\))?")
#: What looks like a setting and is another's: a column of the database.
_OTHERS = {"renditions", "handler"}


def stated() -> list[tuple[str, str, str, str]]:
    found = [(page, *match) for page, text in TEXT.items() for match in _SETTING.findall(text)]
    return [one for one in found if one[1] not in _OTHERS and one[2] != "toml"]


def test_settings_are_stated() -> None:
    assert sum(bool(value) for *_, value in stated()) > 15


@pytest.mark.parametrize(("page", "section", "field", "value"), stated())
def test_every_setting_is_there_and_has_the_default_that_is_said(
    page: str, section: str, field: str, value: str
) -> None:
    default = DEFAULTS[section][field]
    if value:
        spelled = str(default).lower() if isinstance(default, bool) else f"{default:g}"
        assert value.partition(":")[0] == spelled, f"{page}: {section}.{field}"


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", TEXT[page])
    assert links
    assert [link for link in links if not link.startswith("http") and not (ROOT / "docs" / link).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_is_named_is_there(page: str) -> None:
    paths = re.findall(r"`((?:core|infra|tests|local|handler|docs)/[A-Za-z0-9_./-]*)`", TEXT[page])
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_make_target_and_command_that_is_named_is_there() -> None:
    from pictureperfect.cli import COMMANDS

    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
    for text in TEXT.values():
        assert set(re.findall(r"`?make ([a-z-]+)", re.sub(r"make setup installs", "", text))) <= targets
        assert set(re.findall(r"`pictureperfect ([a-z-]+)", text)) <= set(COMMANDS)
