"""Error answers of S3 that moto never gives, served by a real HTTP server."""

import inspect
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from core.adapters.aws.errors import translate_errors
from core.adapters.aws.s3 import S3Store
from core.domain.errors import Code, ImageFailure, Misconfigured, PicturePerfectError, Unavailable
from core.domain.model import ObjectRef
from core.ports.store import WriteContestedError
from tests.conftest import client

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
    """Close the connection without an answer."""


def _noise(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\x00\xffnot HTTP at all\r\n\r\n")


def _cut_off(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: "ab"\r\n\r\nonly this')


@pytest.fixture
def s3_that() -> Iterator[Callable[[Answer], S3Store]]:
    """Makes stores whose S3 gives one answer to every request."""
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
        (400, "InvalidRequest", "The object was stored using a form of Server Side Encryption.", "SSE-C"),
    ],
)
@pytest.mark.parametrize("call", ["download", "part"])
def test_what_keeps_one_object_from_being_read_is_of_that_image_alone(
    s3_that: Callable[[Answer], S3Store], tmp_path: Path, status: int, code: str, words: str, sentence: str, call: str
) -> None:
    store = s3_that(_status(status, f"<Error><Code>{code}</Code><Message>{words}</Message></Error>".encode()))
    calls: dict[str, Callable[[S3Store], Any]] = {
        **_calls(tmp_path),
        "part": lambda some: some.part(ObjectRef(bucket=some.bucket, key="a"), 0, 1),
    }
    with pytest.raises(ImageFailure) as caught:
        calls[call](store)
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
    with pytest.raises(PicturePerfectError), translate_errors("A test"):
        raise error
