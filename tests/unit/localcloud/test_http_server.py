"""The embedded cloud's HTTP server: blocking routes do not keep out others, and routes are added while it runs."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import pytest
import requests
from starlette.requests import Request
from starlette.responses import Response

from localcloud.http_server import HttpServer, aws_response, post_route
from tests.support.waiting import HANGS_AFTER, until

WAITING = 60  # more than Starlette's default of 40 threads


def post(url: str, body: bytes = b"") -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False  # this machine may have a proxy
        return session.post(url, data=body, timeout=HANGS_AFTER)


def test_a_request_is_answered_while_many_others_wait() -> None:
    release, waiting = threading.Event(), threading.Semaphore(0)

    def wait(_request: Request, body: bytes) -> Response:
        waiting.release()
        release.wait(HANGS_AFTER)
        return aws_response(HTTPStatus.OK, body)

    def echo(_request: Request, body: bytes) -> Response:
        return aws_response(HTTPStatus.OK, body)

    with (
        HttpServer([post_route("/wait", wait), post_route("/echo", echo)]) as server,
        ThreadPoolExecutor(WAITING) as pool,
    ):
        answers = [pool.submit(post, f"{server.url}/wait", b"%d" % n) for n in range(WAITING)]
        for _ in range(WAITING):
            assert waiting.acquire(timeout=HANGS_AFTER)
        assert post(f"{server.url}/echo", b"now").content == b"now"
        release.set()
        assert [answer.result().text for answer in answers] == [str(n) for n in range(WAITING)]


def test_routes_are_added_while_it_runs_and_the_first_that_matches_answers() -> None:
    with HttpServer() as server:
        assert post(f"{server.url}/a").status_code == HTTPStatus.NOT_FOUND
        server.add([post_route("/a", lambda *_: aws_response(HTTPStatus.OK, b"first"))])
        server.add([post_route("/{path}", lambda *_: aws_response(HTTPStatus.OK, b"last"))])
        assert post(f"{server.url}/a").content == b"first"
        assert post(f"{server.url}/b").content == b"last"


def test_closing_ends_kept_connections_and_frees_the_port() -> None:
    with requests.Session() as session:
        session.trust_env = False
        with HttpServer() as server:
            session.post(f"{server.url}/a", timeout=HANGS_AFTER)
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(requests.ConnectionError):
            session.post(f"{server.url}/a", timeout=HANGS_AFTER)
    with HttpServer(port=port) as again:
        assert again.url == server.url


def test_a_taken_port_is_an_error_that_names_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1:{port}"):
            HttpServer(port=port)


def test_threads_end_with_the_server() -> None:
    before = threading.active_count()
    with HttpServer([post_route("/a", lambda *_: aws_response(HTTPStatus.OK, b""))]) as server:
        post(f"{server.url}/a")
    until(lambda: threading.active_count() <= before)
