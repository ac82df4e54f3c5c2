"""The server of S3, SQS, CloudWatch and IAM: moto's, in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import ProxyHandler, Request, build_opener

from moto.server import ThreadedMotoServer


@contextmanager
def moto_server() -> Iterator[str]:
    """Serve on a free port of 127.0.0.1; yields the endpoint. One at a time in a process: moto's state is global."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def reset(endpoint: str) -> None:
    """Empty moto: its state belongs to the process and outlives its server."""
    request = Request(f"{endpoint}/moto-api/reset", method="POST")  # noqa: S310 - our own server
    build_opener(ProxyHandler({})).open(request, timeout=30).close()
