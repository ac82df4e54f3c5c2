"""Uploads stay under their customer, parts cover a file exactly once, and no gap is accepted."""
# ruff: noqa: ARG002 - the ports have parameters that a fake does not use

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain import object_keys
from core.domain.errors import Refusal
from core.ports.web import Form, OpenUpload, Part
from core.services.web import media_types
from core.services.web.upload_messages import MAX_BYTES, MAX_PARTS, PART_BYTES, AnnouncedFile, Announcement, SignParts
from core.services.web.uploads import Uploads, _check_complete
from tests.support.fakes.ports import FakeStore
from tests.support.values import NOW

ANY_TEXT = st.text(max_size=300)
CUSTOMERS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)


class Links:
    """Returns its arguments instead of signed links."""

    csp_source = "https://s3.example"

    def form(self, key: str, media_type: str, size: int) -> Form:
        return Form(url=self.csp_source, fields={"key": key, "type": media_type, "size": str(size)})

    def part(self, key: str, upload_id: str, number: int, size: int) -> str:
        return f"{key}?{upload_id}&{number}&{size}"

    def get(self, key: str, media_type: str, save_as: str = "") -> str:
        return f"{key}?{media_type}&{save_as}"


class Multiparts:
    """One unfinished upload under every prefix."""

    def begin(self, key: str, media_type: str) -> str:
        return f"{key} {media_type}"

    def under(self, prefix: str) -> Sequence[OpenUpload]:
        return [OpenUpload(key=f"{prefix}a.jpg", upload_id="id", started_at=NOW)]

    def parts(self, upload: OpenUpload) -> Sequence[Part]:
        return []

    def complete(self, upload: OpenUpload, parts: Sequence[Part]) -> bool:
        return True

    def abort(self, upload: OpenUpload) -> None: ...


def uploads(rows: Any = None) -> Uploads:
    return Uploads(
        store=FakeStore, links=Links(), multiparts=Multiparts, rows=rows, pipelines=lambda: {"web"}, now=lambda: NOW
    )


@given(customer=CUSTOMERS, name=ANY_TEXT, media_type=ANY_TEXT, size=st.integers(0, MAX_BYTES))
def test_a_file_of_any_name_gets_a_key_of_its_customer_and_a_type_of_the_list(
    customer: str, name: str, media_type: str, size: int
) -> None:
    file = AnnouncedFile(name=name, bytes=size, type=media_type)
    files = (file, AnnouncedFile(name="a.jpg", bytes=1))
    answer = uploads().announce(customer, Announcement(pipeline="web", files=files))
    assert {item.index for item in answer.accepted} ^ {item.index for item in answer.refused} == {0, 1}
    for accepted in answer.accepted:
        source = object_keys.parse_incoming(accepted.form.fields["key"])
        assert (source.customer, source.pipeline, source.upload) == (customer, "web", accepted.upload)
        assert source.name == accepted.name == object_keys.safe_name(accepted.name)
        assert "/" not in accepted.name
        assert len(accepted.form.fields["key"].encode()) <= 1024
        assert not source.is_inline
        assert accepted.form.fields["type"] in media_types.TYPES


@pytest.mark.parametrize("customer", ["", "..", "a/b", "acme\n", "-", "x" * 65])
def test_an_invalid_customer_name_gets_no_form(customer: str) -> None:
    with pytest.raises(Refusal, match="customer"):
        uploads().announce(customer, Announcement(pipeline="web", files=(AnnouncedFile(name="a.jpg", bytes=1),)))


@given(size=st.integers(1, MAX_BYTES))
def test_the_parts_of_a_file_follow_each_other_and_end_where_it_ends(size: int) -> None:
    count = -(-size // PART_BYTES)
    assert count <= MAX_PARTS
    request = SignParts(bytes=size, numbers=tuple(range(max(1, count - 99), count + 1)))
    parts = uploads().sign("acme", "web", "u", request).parts
    for before, after in pairwise(parts):
        assert (before.offset + before.bytes, before.bytes) == (after.offset, PART_BYTES)
    assert parts[-1].offset + parts[-1].bytes == size
    assert all(part.url == f"incoming/acme/web/u/a.jpg?id&{part.number}&{part.bytes}" for part in parts)


@given(size=st.integers(1, 5 * PART_BYTES), data=st.data())
def test_only_exactly_the_parts_of_a_file_are_joined(size: int, data: st.DataObject) -> None:
    count = -(-size // PART_BYTES)
    sizes = [PART_BYTES] * (count - 1) + [size - (count - 1) * PART_BYTES]
    whole = [Part(number=at, bytes=item, etag="") for at, item in enumerate(sizes, start=1)]
    _check_complete(whole, size)
    at = data.draw(st.integers(0, count - 1))
    shorter = Part(number=at + 1, bytes=sizes[at] - 1, etag="")
    for wrong in (
        whole[:at] + whole[at + 1 :],
        [*whole[:at], shorter, *whole[at + 1 :]],
        [*whole, Part(number=count + 1, bytes=1, etag="")],
    ):
        with pytest.raises(Refusal, match="upload_incomplete"):
            _check_complete(wrong, size)


@pytest.mark.parametrize(
    ("browser_type", "name", "expected"),
    [
        ("image/jpeg", "a", "image/jpeg"),
        ("IMAGE/JPG; charset=x", "a", "image/jpeg"),
        ("", "a.HEIC", "image/heic"),
        ("application/octet-stream", "scan.TIF", "image/tiff"),
        ("text/html", "a.html", None),
        ("image/svg+xml", "a.svg", None),
        ("", "jpg", None),
        ("", "", None),
    ],
)
def test_a_media_type_is_found_by_the_browsers_type_else_by_the_extension(
    browser_type: str, name: str, expected: str | None
) -> None:
    assert media_types.accepted_type(browser_type, name) == expected


def test_every_format_that_is_read_may_be_uploaded() -> None:
    from core.imaging.formats.readers import READERS

    extensions = {extension for extensions in media_types.TYPES.values() for extension in extensions}
    names = {"jpeg2000": "jp2", "pnm": "ppm", "sun": "ras"}
    assert {names.get(name, name) for name in READERS} <= extensions
