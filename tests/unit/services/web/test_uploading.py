"""The laws of uploads: whatever is asked, it stays under its customer; parts cover a file once; no gap is passed."""
# ruff: noqa: ARG002 - the ports have parameters that a fake does not need

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
from core.services.web.uploads import Uploading, _refuse_gaps
from tests.support.fakes.ports import FakeStore
from tests.support.values import NOW

ANY_TEXT = st.text(max_size=300)
CUSTOMERS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)


class Links:
    """Says what it was asked to sign."""

    csp_source = "https://s3.example"

    def form(self, key: str, media_type: str, size: int) -> Form:
        return Form(url=self.csp_source, fields={"key": key, "type": media_type, "size": str(size)})

    def part(self, key: str, upload_id: str, number: int, size: int) -> str:
        return f"{key}?{upload_id}&{number}&{size}"

    def get(self, key: str, media_type: str, save_as: str = "") -> str:
        return f"{key}?{media_type}&{save_as}"


class Multiparts:
    """One upload that was begun, wherever one looks."""

    def begin(self, key: str, media_type: str) -> str:
        return f"{key} {media_type}"

    def under(self, prefix: str) -> Sequence[OpenUpload]:
        return [OpenUpload(key=f"{prefix}a.jpg", upload_id="id", started_at=NOW)]

    def parts(self, upload: OpenUpload) -> Sequence[Part]:
        return []

    def complete(self, upload: OpenUpload, parts: Sequence[Part]) -> bool:
        return True

    def abort(self, upload: OpenUpload) -> None: ...


def uploading(rows: Any = None) -> Uploading:
    return Uploading(
        store=FakeStore, links=Links(), multiparts=Multiparts, rows=rows, pipelines=lambda: {"web"}, now=lambda: NOW
    )


@given(customer=CUSTOMERS, name=ANY_TEXT, kind=ANY_TEXT, size=st.integers(0, MAX_BYTES))
def test_whatever_a_file_is_called_its_key_is_one_of_its_customer_and_its_type_one_of_the_list(
    customer: str, name: str, kind: str, size: int
) -> None:
    file = AnnouncedFile(name=name, bytes=size, type=kind)
    files = (file, AnnouncedFile(name="a.jpg", bytes=1))
    answer = uploading().announce(customer, Announcement(pipeline="web", files=files))
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
def test_a_customer_whose_name_can_be_none_gets_no_form(customer: str) -> None:
    with pytest.raises(Refusal, match="customer"):
        uploading().announce(customer, Announcement(pipeline="web", files=(AnnouncedFile(name="a.jpg", bytes=1),)))


@given(size=st.integers(1, MAX_BYTES))
def test_the_parts_of_a_file_follow_each_other_and_end_where_it_ends(size: int) -> None:
    count = -(-size // PART_BYTES)
    assert count <= MAX_PARTS
    asked = SignParts(bytes=size, numbers=tuple(range(max(1, count - 99), count + 1)))
    parts = uploading().sign("acme", "web", "u", asked).parts
    for before, after in pairwise(parts):
        assert (before.offset + before.bytes, before.bytes) == (after.offset, PART_BYTES)
    assert parts[-1].offset + parts[-1].bytes == size
    assert all(part.url == f"incoming/acme/web/u/a.jpg?id&{part.number}&{part.bytes}" for part in parts)


@given(size=st.integers(1, 5 * PART_BYTES), data=st.data())
def test_only_the_very_parts_of_a_file_are_put_together(size: int, data: st.DataObject) -> None:
    count = -(-size // PART_BYTES)
    sizes = [PART_BYTES] * (count - 1) + [size - (count - 1) * PART_BYTES]
    whole = [Part(number=at, bytes=item, etag="") for at, item in enumerate(sizes, start=1)]
    _refuse_gaps(whole, size)
    at = data.draw(st.integers(0, count - 1))
    shorter = Part(number=at + 1, bytes=sizes[at] - 1, etag="")
    for wrong in (
        whole[:at] + whole[at + 1 :],
        [*whole[:at], shorter, *whole[at + 1 :]],
        [*whole, Part(number=count + 1, bytes=1, etag="")],
    ):
        with pytest.raises(Refusal, match="upload_incomplete"):
            _refuse_gaps(wrong, size)


@pytest.mark.parametrize(
    ("said", "name", "expected"),
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
def test_a_kind_is_known_by_its_type_else_by_the_names_ending(said: str, name: str, expected: str | None) -> None:
    assert media_types.accepted(said, name) == expected


def test_every_format_that_is_read_may_be_uploaded() -> None:
    from core.imaging.formats.readers import READERS

    endings = {ending for kinds in media_types.TYPES.values() for ending in kinds}
    names = {"jpeg2000": "jp2", "pnm": "ppm", "sun": "ras"}
    assert {names.get(name, name) for name in READERS} <= endings
