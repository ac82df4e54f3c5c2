"""What every store does, the fake and S3 (moto's); and what S3 answers that moto never does, by a real HTTP server."""

import inspect
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.exceptions
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from core.adapters.aws_errors import translated
from core.adapters.s3 import S3Store
from core.errors import Code, ImageFailure, Misconfigured, PicturePerfectError, Unavailable
from core.model import ObjectRef
from core.ports import ObjectStore, WriteContestedError
from tests.conftest import client
from tests.fakes import FakeStore

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
    before = datetime.now(UTC) - timedelta(seconds=1)  # S3 says whole seconds
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
    assert store.download(_ref(store, "incoming/a"), tmp_path / "file", 100, time.monotonic() + 60).bytes == 7


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
    """As a lifecycle does it at the end of the retention: the newest version is a delete marker then."""
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
    for _ in range(2):  # again is nothing
        store.erase("originals/i/")
    assert [ref for ref in refs if store.head(ref)] == []
    assert list(store.keys("")) == ["originals/i", "originals/ii/a", "processed/i/a"]
    assert store.create("originals/i/a", b"the next", "image/jpeg"), "Nothing of it was left behind."


def test_nothing_but_a_folder_is_erased(store: ObjectStore) -> None:
    """`results/1` would be of image 10 too."""
    for prefix in ("", "originals/i"):
        with pytest.raises(ValueError, match="folder"):
            store.erase(prefix)


def test_a_newer_upload_stays_when_an_older_one_is_moved(s3: "S3Client", bucket: str) -> None:
    store = S3Store(s3, bucket)
    versions = [s3.put_object(Bucket=bucket, Key="incoming/a", Body=body)["VersionId"] for body in (b"old", b"new")]
    store.move(_ref(store, "incoming/a", version=versions[0]), "originals/a")
    assert (store.read("originals/a"), store.read("incoming/a")) == (b"old", b"new")
    assert store.head(_ref(store, "incoming/a", version=versions[0])) is None


# What moto does not answer

Answer = Callable[[BaseHTTPRequestHandler], None]


class _Server(ThreadingHTTPServer):
    answer: Answer


class _Handler(BaseHTTPRequestHandler):
    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65_537)
        if self.raw_requestline and self.parse_request():
            self.server.answer(self)  # type: ignore[attr-defined]
        self.close_connection = True


def _status(status: int, body: bytes = b"") -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        handler.send_response_only(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def _close(_handler: BaseHTTPRequestHandler) -> None:
    """Hang up without a word."""


def _noise(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\x00\xffnot HTTP at all\r\n\r\n")


def _cut_off(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: "ab"\r\n\r\nonly this')


@pytest.fixture
def s3_that() -> Iterator[Callable[[Answer], S3Store]]:
    """S3, but for its answers."""
    servers: list[_Server] = []

    def make(answer: Answer) -> S3Store:
        server = _Server(("127.0.0.1", 0), _Handler)
        server.answer = answer
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        return S3Store(client("s3", url), "home")

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


def _calls(tmp_path: Path) -> dict[str, Callable[[S3Store], Any]]:
    ref = ObjectRef(bucket="home", key="incoming/a")
    return {
        "head": lambda store: store.head(ref),
        "read": lambda store: store.read("a"),
        "download": lambda store: store.download(ref, tmp_path / "file", 10_000),
        "create": lambda store: store.create("a", b"body", "text/plain"),
        "move": lambda store: store.move(ref, "originals/a"),
        "delete": lambda store: store.delete("a"),
        "keys": lambda store: list(store.keys("incoming/")),
        "erase": lambda store: store.erase("incoming/"),
    }


CALLS = list(_calls(Path()))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "answer", [_status(500), _status(503, b"<Error><Code>SlowDown</Code></Error>"), _status(429), _close, _noise]
)
def test_a_store_in_trouble_is_unavailable(
    s3_that: Callable[[Answer], S3Store], tmp_path: Path, call: str, answer: Answer
) -> None:
    with pytest.raises(Unavailable) as caught:
        _calls(tmp_path)[call](s3_that(answer))
    assert caught.value.code is Code.STORE_UNAVAILABLE


@pytest.mark.parametrize("call", CALLS)
def test_a_store_that_nobody_reaches_is_unavailable(tmp_path: Path, call: str) -> None:
    broken = client("s3", "http://127.0.0.1:1")
    with pytest.raises(Unavailable):
        _calls(tmp_path)[call](S3Store(broken, "home"))


@pytest.mark.parametrize("call", ["read", "download"])
def test_an_answer_that_is_cut_off_is_unavailable(
    s3_that: Callable[[Answer], S3Store], tmp_path: Path, call: str
) -> None:
    with pytest.raises(Unavailable):
        _calls(tmp_path)[call](s3_that(_cut_off))


@pytest.mark.parametrize("call", ["delete", "keys", "erase"])
def test_a_listing_that_is_no_xml_is_unavailable(
    s3_that: Callable[[Answer], S3Store], tmp_path: Path, call: str
) -> None:
    with pytest.raises(Unavailable):
        _calls(tmp_path)[call](s3_that(_status(200, b"<html>a proxy's greetings")))


@pytest.mark.parametrize("call", CALLS)
def test_a_store_that_refuses_needs_an_operator(
    s3_that: Callable[[Answer], S3Store], tmp_path: Path, call: str
) -> None:
    with pytest.raises(Misconfigured) as caught:
        _calls(tmp_path)[call](s3_that(_status(403)))
    assert caught.value.code is Code.STORE_DENIED


@pytest.mark.parametrize(
    ("status", "code", "words", "sentence"),
    [
        (403, "InvalidObjectState", "The operation is not valid for the object's storage class", "restore it"),
        (400, "KMS.DisabledException", "arn:aws:kms:… is disabled", "KMS"),
        (400, "KMS.NotFoundException", "The key does not exist", "KMS"),
        (400, "KMS.KMSInvalidStateException", "is pending deletion", "KMS"),
        (400, "InvalidURI", "Couldn't parse the specified URI.", "key"),
        (400, "KeyTooLongError", "Your key is too long", "key"),
        (400, "InvalidRequest", "The object was stored using a form of Server Side Encryption.", "own key"),
    ],
)
@pytest.mark.parametrize("call", ["download", "part"])
def test_what_keeps_one_object_from_being_read_is_of_that_image_alone(
    s3_that: Callable[[Answer], S3Store], tmp_path: Path, status: int, code: str, words: str, sentence: str, call: str
) -> None:
    store = s3_that(_status(status, f"<Error><Code>{code}</Code><Message>{words}</Message></Error>".encode()))
    with pytest.raises(ImageFailure) as caught:
        store.part(_ref(store, "a"), 0, 1) if call == "part" else _calls(tmp_path)["download"](store)
    assert caught.value.code is Code.SOURCE_UNREADABLE
    assert sentence in caught.value.message
    assert "s3://home/" in caught.value.message


@pytest.mark.parametrize("code", ["KMS.ThrottlingException", "KMS.KMSInternalException", "KMS.KeyUnavailableException"])
def test_a_key_service_in_trouble_is_unavailable(
    s3_that: Callable[[Answer], S3Store], tmp_path: Path, code: str
) -> None:
    for call in ("read", "download", "create"):
        with pytest.raises(Unavailable):
            _calls(tmp_path)[call](s3_that(_status(400, f"<Error><Code>{code}</Code></Error>".encode())))


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "AccessDenied"), (400, "ExpiredToken"), (400, "InvalidRequest"), (403, "KMS.AccessDeniedException")],
)
def test_what_keeps_all_objects_from_being_read_needs_an_operator(
    s3_that: Callable[[Answer], S3Store], tmp_path: Path, status: int, code: str
) -> None:
    with pytest.raises(Misconfigured):
        _calls(tmp_path)["download"](s3_that(_status(status, f"<Error><Code>{code}</Code></Error>".encode())))


def test_a_write_that_meets_another_is_contested(s3_that: Callable[[Answer], S3Store]) -> None:
    store = s3_that(_status(409, b"<Error><Code>ConditionalRequestConflict</Code></Error>"))
    with pytest.raises(WriteContestedError):
        store.create("results/1/0.json", b"x", "text/plain")


def _vendor_errors() -> list[type[Exception]]:
    return [
        kind
        for _, kind in inspect.getmembers(botocore.exceptions, inspect.isclass)
        if issubclass(kind, BotoCoreError | ClientError)
    ] + [ResponseParserError]


@pytest.mark.parametrize("kind", _vendor_errors(), ids=lambda kind: kind.__name__)
def test_no_error_of_the_vendor_escapes(kind: type[Exception]) -> None:
    error = kind.__new__(kind)
    Exception.__init__(error, "of the vendor")
    if isinstance(error, ClientError):
        error.response = {"Error": {"Code": "InternalError"}, "ResponseMetadata": {"HTTPStatusCode": 500}}  # type: ignore[typeddict-item]
    with pytest.raises(PicturePerfectError), translated("A test"):
        raise error
