"""Every make target says what it does, stands in the documents, and what they tell to make can be made."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
_MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = re.findall(r"^([a-z-]+):(?!=)", _MAKEFILE, flags=re.MULTILINE)
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_LISTING = re.compile(r"^```.*?^```", flags=re.MULTILINE | re.DOTALL)
_NAME = r"make ([a-z]+(?:-[a-z]+)*)"


def tier_by_name(text: str) -> list[str]:
    """Targets: at the beginning of a line in a listing, and in code within a sentence."""
    listed = [name for listing in _LISTING.findall(text) for name in re.findall(f"^{_NAME}", listing, re.MULTILINE)]
    return [*listed, *re.findall(f"`{_NAME}", text)]


NAMED = {name: path.name for path in DOCUMENTS for name in tier_by_name(path.read_text("utf-8"))}


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_says_what_it_does_and_stands_in_a_document(target: str) -> None:
    assert re.search(rf"^{target}:.*  ## \S", _MAKEFILE, flags=re.MULTILINE), f"{target} has no `## …`"
    assert target in NAMED, f"no document says `make {target}`; CONTRIBUTING.md has the list"


@pytest.mark.parametrize("name", sorted(NAMED))
def test_what_a_document_tells_to_make_can_be_made(name: str) -> None:
    assert name in TARGETS, f"{NAMED[name]} says `make {name}`"


def test_no_target_is_there_twice() -> None:
    assert len(TARGETS) == len(set(TARGETS)) > 10
