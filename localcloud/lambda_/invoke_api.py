"""Lambda's Invoke API on a port of its own, so that any SDK with AWS_ENDPOINT_URL_LAMBDA reaches the functions."""

import json
import re
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import unquote
from uuid import uuid4

from localcloud.lambda_.async_invoke import AsyncInvoker
from localcloud.lambda_.function import MAX_PAYLOAD, Function, FunctionClosedError

_PATH = re.compile(r"^/2015-03-31/functions/(?P<name>[^/?]+)/invocations(\?.*)?$")
#: What an asynchronous invocation may carry, in bytes.
MAX_ASYNC_PAYLOAD = 1_048_576


class LambdaApi:
    """The server. Also a context manager that closes on exit."""

    def __init__(self, functions: Mapping[str, Function], invokers: Mapping[str, AsyncInvoker] | None = None) -> None:
        """Serve on a free port of 127.0.0.1. `invokers` take the `Event` invocations, by function name."""
        routes = {"functions": dict(functions), "invokers": dict(invokers or {})}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Requests", (_Requests,), routes))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    functions: ClassVar[dict[str, Function]] = {}
    invokers: ClassVar[dict[str, AsyncInvoker]] = {}

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        asynchronous = self.headers.get("X-Amz-Invocation-Type") == "Event"
        if length > (MAX_ASYNC_PAYLOAD if asynchronous else MAX_PAYLOAD):
            self._drain(length)
            limit = MAX_ASYNC_PAYLOAD if asynchronous else MAX_PAYLOAD
            sentence = f"{length} byte payload is too large for the {limit} byte limit"
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestTooLargeException", sentence)
            return
        body = self.rfile.read(length)
        match = _PATH.match(self.path)
        name = unquote(match["name"]).split(":")[-1] if match else ""
        if name not in self.functions:
            sentence = f"Function not found: {name or self.path}"
            self._refuse(HTTPStatus.NOT_FOUND, "ResourceNotFoundException", sentence)
            return
        try:
            event = json.loads(body or b"{}")
        except ValueError as error:
            sentence = f"Could not parse request body into json: {error}"
            self._refuse(HTTPStatus.BAD_REQUEST, "InvalidRequestContentException", sentence)
            return
        if asynchronous:
            self._answer(HTTPStatus.ACCEPTED, b"", self.invokers[name].submit(event))
        else:
            self._invoke(self.functions[name], event)

    def _invoke(self, function: Function, event: Any) -> None:  # noqa: ANN401 - any JSON
        try:
            invocation = function.invoke(event)
        except FunctionClosedError:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceException", "The cloud is going down")
            return
        headers = {"X-Amz-Executed-Version": "$LATEST"}
        if invocation.error:
            headers["X-Amz-Function-Error"] = invocation.error
        payload = json.dumps(invocation.payload).encode()
        self._answer(HTTPStatus.OK, payload, invocation.request_id, headers)

    def _refuse(self, status: HTTPStatus, kind: str, message: str) -> None:
        body = json.dumps({"Type": "User", "message": message, "Message": message}).encode()
        self._answer(status, body, str(uuid4()), {"X-Amzn-ErrorType": kind})

    def _answer(
        self, status: HTTPStatus, body: bytes, request_id: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amzn-RequestId", request_id)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _drain(self, length: int) -> None:
        # A client that is still sending would see a reset connection and not the answer.
        while length > 0 and (chunk := self.rfile.read(min(length, 1 << 20))):
            length -= len(chunk)

    def log_message(self, *_arguments: object) -> None:
        """Nothing: the function's own log says it all."""
