"""The embedded cloud's HTTP server: one Starlette application for the page, Lambda's Invoke API and Batch's API."""

import json
import math
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Self
from uuid import uuid4

import uvicorn
from anyio import to_thread
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

_SHUTDOWN_SECONDS = 2
#: boto3 keeps connections open; a shorter limit would close one just as boto3 sends on it.
_KEEP_ALIVE_SECONDS = 3600


class HttpServer:
    """uvicorn in a thread, on one port of 127.0.0.1. Also a context manager that closes on exit."""

    def __init__(self, routes: Iterable[BaseRoute] = (), port: int = 0) -> None:
        """Serve `routes` from now on. `port` 0 is any free one.

        Raises OSError, with the address as its file name, if the port is taken.
        """
        self._app = Starlette(routes=list(routes), lifespan=_unlimited_threads)
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("127.0.0.1", port))
        except OSError as error:
            self._socket.close()
            raise OSError(error.errno, error.strerror, f"127.0.0.1:{port}") from error
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._app,
                log_config=None,
                access_log=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
            )
        )
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError(f"The HTTP server on {self.url} ended while it started; the traceback is above.")
            time.sleep(0.01)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def add(self, routes: Iterable[BaseRoute]) -> None:
        """Serve these as well. The first route that matches a path answers, so a catch-all comes last."""
        self._app.router.routes.extend(routes)

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=5)
        self._socket.close()


def post_route(path: str, answer: Callable[[Request, bytes], Response]) -> Route:
    """A route whose `answer` is given the request and its body, in a thread: it may block."""

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(answer, request, await request.body())

    return Route(path, endpoint, methods=["POST"])


def aws_response(
    status: HTTPStatus, body: bytes, headers: Mapping[str, str] | None = None, request_id: str | None = None
) -> Response:
    """An answer with the headers of AWS's JSON services."""
    given = {"x-amzn-RequestId": request_id or str(uuid4()), **(headers or {})}
    return Response(body, status, given, "application/json")


def aws_error(status: HTTPStatus, error_type: str, document: Mapping[str, Any]) -> Response:
    """A refusal; SDKs take the exception's name from `error_type`."""
    return aws_response(status, json.dumps(document).encode(), {"X-Amzn-ErrorType": error_type})


@asynccontextmanager
async def _unlimited_threads(_app: Starlette) -> AsyncIterator[None]:
    """A thread for each request: with a limit, waiting invocations could keep out the Batch calls they wait for."""
    to_thread.current_default_thread_limiter().total_tokens = math.inf
    yield
