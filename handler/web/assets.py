"""The page's own files. What can be asked for is a list made once, so that no path leads anywhere else."""

import hashlib
import mimetypes
from functools import cache
from http import HTTPStatus
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

_HERE = Path(__file__).parent
_ROOT = _HERE / "static"
_INDEX = "index.html"
_TYPES = {"js": "text/javascript; charset=utf-8", "woff2": "font/woff2", "webmanifest": "application/manifest+json"}


def index(request: Request) -> Response:
    return _serve(request, _INDEX)


def file(request: Request) -> Response:
    return _serve(request, request.path_params["path"])


def docs_css(request: Request) -> Response:
    return _serve(request, "docs.css", _HERE)


def _serve(request: Request, path: str, root: Path = _ROOT) -> Response:
    if root == _ROOT and path not in _files():
        raise HTTPException(HTTPStatus.NOT_FOUND)
    content = (root / path).read_bytes()
    # By the content and not by the file's date: in a container they all have the same
    etag = tag(content)
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if is_known(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=_media_type(path))


def tag(content: bytes) -> str:
    """What content is known by. For ETag."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def is_known(request: Request, etag: str) -> bool:
    """Whether who asks has it already, by weak comparison.

    https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2
    """
    said = {item.strip().removeprefix("W/") for item in request.headers.get("if-none-match", "").split(",")}
    return not said.isdisjoint({etag.removeprefix("W/"), "*"})


@cache
def _files() -> frozenset[str]:
    return frozenset(path.relative_to(_ROOT).as_posix() for path in _ROOT.rglob("*") if path.is_file())


def _media_type(path: str) -> str:
    known = _TYPES.get(path.rpartition(".")[2])
    return known or mimetypes.guess_type(path)[0] or "application/octet-stream"
