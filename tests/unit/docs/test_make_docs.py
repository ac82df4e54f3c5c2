"""Every make target has a help text and stands in a document; every target that a document names exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
_MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = re.findall(r"^([a-z-]+):(?!=)", _MAKEFILE, flags=re.MULTILINE)
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(r"^```.*?^```", flags=re.MULTILINE | re.DOTALL)
_NAME = r"make ([a-z]+(?:-[a-z]+)*)"


def named(text: str) -> list[str]:
    """The targets at the beginning of a line of a fenced block, and in inline code."""
    in_blocks = [name for block in _BLOCK.findall(text) for name in re.findall(f"^{_NAME}", block, re.MULTILINE)]
    return [*in_blocks, *re.findall(f"`{_NAME}", text)]


NAMED = {name: path.name for path in DOCUMENTS for name in named(path.read_text("utf-8"))}


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_has_a_help_text_and_stands_in_a_document(target: str) -> None:
    assert re.search(rf"^{target}:.*  ## \S", _MAKEFILE, flags=re.MULTILINE), f"{target} has no `## …`"
    assert target in NAMED, f"no document says `make {target}`; CONTRIBUTING.md has the list"


@pytest.mark.parametrize("name", sorted(NAMED))
def test_every_target_that_a_document_names_exists(name: str) -> None:
    assert name in TARGETS, f"{NAMED[name]} says `make {name}`"


def test_no_target_is_there_twice() -> None:
    assert len(TARGETS) == len(set(TARGETS)) > 10
