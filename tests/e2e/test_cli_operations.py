"""`pictureperfect operations`: a page without external files, on which every operation has a visible effect."""

import base64
import io
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from PIL import Image

from core.imaging.operations import OPERATIONS
from core.imaging.operations.base import Measurement

pytestmark = pytest.mark.long

_VOID = {"meta", "img", "br"}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("page") / "deep" / "er"
    command = [sys.executable, "-m", "pictureperfect.cli", "operations", "--out", str(out)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert (ended.returncode, ended.stderr, ended.stdout) == (0, "", f"{out / 'index.html'}\n")
    assert [path.name for path in out.iterdir()] == ["index.html"]
    return (out / "index.html").read_text("utf-8")


def sections(page: str) -> dict[str, str]:
    return dict(re.findall(r'<section id="([a-z-]+)">(.*?)</section>', page, flags=re.DOTALL))


def test_the_page_has_every_operation_and_is_light_enough_for_a_phone(page: str) -> None:
    assert sorted(sections(page)) == sorted(OPERATIONS)
    assert len(page.encode()) < 3_000_000


def test_the_page_loads_nothing_from_elsewhere(page: str) -> None:
    targets = re.findall(r'(?:src|href)="([^"]*)"', page) + re.findall(r"url\(([^)]*)\)", page)
    assert targets
    assert all(target.startswith(("#", "data:image/webp;base64,")) for target in targets)
    assert "<script" not in page
    assert "@import" not in page


def test_every_tag_is_closed_in_order(page: str) -> None:
    opened: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the base class has it
            if tag not in _VOID:
                opened.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

    Reader().feed(page)
    assert not opened
    assert "{{" not in page


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_changes_its_picture_and_a_measurement_has_different_values(name: str, page: str) -> None:
    section = sections(page)[name]
    data = re.findall(r"base64,([^\"]+)", section)
    pictures = [Image.open(io.BytesIO(base64.b64decode(part))).convert("RGBA") for part in data]
    if issubclass(OPERATIONS[name], Measurement):
        values = re.findall(r'class="value">([^<]+)<', section)
        assert len(values) == len(pictures)
        assert len(set(values)) > 1
    else:
        before, after = pictures
        assert before.tobytes() != after.tobytes()
