"""The page on this machine: its address is known before its function is made; then it is served."""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

import uvicorn

from localcloud.http_api.gateway import Gateway
from localcloud.http_api.oidc_provider import CUSTOMERS, Issuer
from localcloud.lambda_.function import Function

_START_SECONDS = 10.0


class PageServer:
    """Gateway and login on one port of 127.0.0.1. Also a context manager that closes on exit."""

    def __init__(self, port: int = 0, customers: Sequence[str] = CUSTOMERS) -> None:
        """0 is any free port. Raises OSError, whose file name is the address, where the port is taken."""
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("127.0.0.1", port))
        except OSError as error:
            self._socket.close()
            raise OSError(error.errno, error.strerror, f"127.0.0.1:{port}") from error
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.issuer = Issuer(self.url, customers)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def serve(self, function: Function) -> None:
        """From now on the function answers."""
        self.serve_by(function.invoke)

    def serve_by(self, invoke: Callable[[Any], Any]) -> None:
        gateway = Gateway(self.issuer.authorizer, invoke, self.issuer.routes)
        config = uvicorn.Config(
            gateway.app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=2
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()
        until = time.monotonic() + _START_SECONDS
        while not self._server.started and self._thread.is_alive() and time.monotonic() < until:
            time.sleep(0.01)

    def close(self) -> None:
        if self._server and self._thread:
            self._server.should_exit = True
            self._thread.join(timeout=5)
        self._socket.close()
