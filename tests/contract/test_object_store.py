"""The contract of the object store, for the fake and for S3 (moto)."""

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.adapters.aws.s3 import S3Store
from core.domain.errors import Code, ImageFailure
from core.domain.model import ObjectRef
from core.ports.store import ObjectStore
from tests.support.fakes.ports import FakeStore
from tests.support.waiting import HANGS_AFTER

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ODD_KEYS = [
    "incoming/a+b.jpg",
    "incoming/a b.jpg",
    "incoming/100%25 %.jpg",
    "incoming/ü\N{SNOWMAN}漢.jpg",
    "incoming/?#&=.jpg",
]


@pytest.fixture(params=["fake", "s3"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    if request.param == "fake":
        return FakeStore()
    return S3Store(request.getfixturevalue("s3"), request.getfixturevalue("bucket"))


def _ref(store: ObjectStore, key: str, **more: str) -> ObjectRef:
    return ObjectRef(bucket=store.bucket, key=key, **more)


@pytest.mark.parametrize("key", ODD_KEYS)
def test_an_object_is_found_under_its_key_however_odd(store: ObjectStore, key: str, tmp_path: Path) -> None:
    assert store.create(key, b"content", "image/jpeg", {"sha256": "ab"})
    assert store.read(key) == b"content"
    assert list(store.keys("incoming/")) == [key]
    stored = store.head(_ref(store, key))
    assert stored
    assert (stored.bytes, stored.metadata, stored.ref.key) == (7, {"sha256": "ab"}, key)
    assert stored.ref.version
    assert store.download(stored.ref, tmp_path / "file", 7) == stored
    assert (tmp_path / "file").read_bytes() == b"content"
    store.move(stored.ref, f"originals/{key}")
    assert store.read(key) is None
    assert store.read(f"originals/{key}") == b"content"


def test_a_file_is_stored_as_its_content(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"pixels")
    assert store.create("processed/a", tmp_path / "file", "image/png")
    assert store.read("processed/a") == b"pixels"


def test_what_is_there_is_never_overwritten(store: ObjectStore) -> None:
    assert store.create("results/1/0.json", b"first", "application/json")
    assert not store.create("results/1/0.json", b"second", "application/json")
    assert store.read("results/1/0.json") == b"first"


def test_of_writers_at_once_exactly_one_wins(store: ObjectStore) -> None:
    wins: list[bool] = []
    threads = [
        threading.Thread(target=lambda: wins.append(store.create("results/1/0.json", b"x", "text/plain")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(wins) == [False, False, False, True]


def test_a_listing_says_how_large_and_how_old(store: ObjectStore) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)  # S3 rounds to whole seconds
    store.create("incoming/b", b"content", "image/jpeg")
    store.create("incoming/a", b"more content", "image/jpeg")
    first, second = store.entries("incoming/")
    assert [(entry.key, entry.bytes) for entry in (first, second)] == [("incoming/a", 12), ("incoming/b", 7)]
    assert before <= second.modified_at <= datetime.now(UTC)
    assert list(store.entries("originals/")) == []


def test_what_is_not_there_is_none(store: ObjectStore, tmp_path: Path) -> None:
    assert store.read("incoming/none") is None
    assert store.head(_ref(store, "incoming/none")) is None
    assert list(store.keys("incoming/")) == []
    store.delete("incoming/none")
    store.move(_ref(store, "incoming/none"), "originals/none")
    assert store.read("originals/none") is None
    with pytest.raises(ImageFailure) as caught:
        store.download(_ref(store, "incoming/none"), tmp_path / "file", 10)
    assert caught.value.code is Code.SOURCE_MISSING


def test_a_name_with_etag_is_of_that_content_alone(store: ObjectStore, tmp_path: Path) -> None:
    store.create("incoming/a", b"content", "image/jpeg")
    other = _ref(store, "incoming/a", etag="0" * 32)
    assert store.head(other) is None
    with pytest.raises(ImageFailure) as caught:
        store.download(other, tmp_path / "file", 10)
    assert caught.value.code is Code.SOURCE_REPLACED
    store.move(other, "originals/a")
    assert store.read("incoming/a") == b"content"


def test_too_many_bytes_are_refused_before_any_is_read(store: ObjectStore, tmp_path: Path) -> None:
    store.create("incoming/a", b"content", "image/jpeg")
    with pytest.raises(ImageFailure) as caught:
        store.download(_ref(store, "incoming/a"), tmp_path / "file", 6)
    assert caught.value.code is Code.TOO_MANY_BYTES
    assert not (tmp_path / "file").exists()


def test_a_download_ends_at_the_deadline(store: ObjectStore, tmp_path: Path) -> None:
    store.create("incoming/a", b"content", "image/jpeg")
    with pytest.raises(ImageFailure) as caught:
        store.download(_ref(store, "incoming/a"), tmp_path / "file", 100, time.monotonic() - 1)
    assert caught.value.code is Code.TIMED_OUT
    assert store.download(_ref(store, "incoming/a"), tmp_path / "file", 100, time.monotonic() + HANGS_AFTER).bytes == 7


def test_a_move_keeps_metadata_and_again_is_nothing(store: ObjectStore) -> None:
    store.create("incoming/a", b"content", "image/jpeg", {"sha256": "ab"})
    for _ in range(2):
        store.move(_ref(store, "incoming/a"), "originals/a")
    stored = store.head(_ref(store, "originals/a"))
    assert stored
    assert stored.metadata == {"sha256": "ab"}
    assert store.create("incoming/a", b"the next", "image/jpeg"), "Nothing of it was left behind."


def test_a_deleted_object_is_gone_with_all_its_versions_and_alone(store: ObjectStore) -> None:
    for key in ("originals/a", "originals/ab"):
        store.create(key, b"content", "image/jpeg")
    before = store.head(_ref(store, "originals/a"))
    store.delete("originals/a")
    assert before
    assert store.head(before.ref) is None
    assert list(store.keys("originals/")) == ["originals/ab"]


def _hide(store: ObjectStore, key: str) -> None:
    """Put a delete marker on an object, as a lifecycle rule does at the end of the retention."""
    if isinstance(store, S3Store):
        store._client.delete_object(Bucket=store.bucket, Key=key)
    else:
        assert isinstance(store, FakeStore)
        store.hide(key)


def test_what_a_marker_hides_is_in_no_listing_and_still_there_by_its_version(store: ObjectStore) -> None:
    store.create("originals/i/a", b"content", "image/jpeg")
    before = store.head(_ref(store, "originals/i/a"))
    _hide(store, "originals/i/a")
    assert before
    assert (store.read("originals/i/a"), list(store.keys("originals/"))) == (None, [])
    assert store.head(before.ref) == before


def test_a_deleted_object_leaves_nothing_that_a_marker_hides(store: ObjectStore) -> None:
    store.create("originals/i/a", b"content", "image/jpeg")
    before = store.head(_ref(store, "originals/i/a"))
    _hide(store, "originals/i/a")
    store.delete("originals/i/a")
    assert before
    assert store.head(before.ref) is None


def test_what_is_erased_is_gone_with_all_its_versions_and_what_markers_hide(store: ObjectStore) -> None:
    refs = []
    for key in ("originals/i/a", "originals/i/b", "originals/i/c"):
        for body in (b"old", b"new"):
            store.create(key, body, "image/jpeg")
            stored = store.head(_ref(store, key))
            assert stored
            refs.append(stored.ref)
            _hide(store, key)
        if key == "originals/i/b":
            store.create(key, b"newest", "image/jpeg")
    for other in ("originals/i", "originals/ii/a", "processed/i/a"):
        store.create(other, b"another's", "image/jpeg")
    for _ in range(2):  # the second call changes nothing
        store.erase("originals/i/")
    assert [ref for ref in refs if store.head(ref)] == []
    assert list(store.keys("")) == ["originals/i", "originals/ii/a", "processed/i/a"]
    assert store.create("originals/i/a", b"the next", "image/jpeg"), "Nothing of it was left behind."


def test_nothing_but_a_folder_is_erased(store: ObjectStore) -> None:
    """The prefix `results/1` would include image 10."""
    for prefix in ("", "originals/i"):
        with pytest.raises(ValueError, match="folder"):
            store.erase(prefix)


def test_a_newer_upload_stays_when_an_older_one_is_moved(s3: "S3Client", bucket: str) -> None:
    store = S3Store(s3, bucket)
    versions = [s3.put_object(Bucket=bucket, Key="incoming/a", Body=body)["VersionId"] for body in (b"old", b"new")]
    store.move(_ref(store, "incoming/a", version=versions[0]), "originals/a")
    assert (store.read("originals/a"), store.read("incoming/a")) == (b"old", b"new")
    assert store.head(_ref(store, "incoming/a", version=versions[0])) is None
