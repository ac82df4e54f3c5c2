"""The page's static files. Only paths from a list made once are served, so no path can leave the folder."""

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
    # Of the content, not the modification time: in a container image all files have the same one
    etag = make_etag(content)
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if etag_matches(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=_media_type(path))


def make_etag(content: bytes) -> str:
    """A strong ETag of the content."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def etag_matches(request: Request, etag: str) -> bool:
    """Whether If-None-Match contains the ETag, by weak comparison.

    https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2
    """
    known = {item.strip().removeprefix("W/") for item in request.headers.get("if-none-match", "").split(",")}
    return not known.isdisjoint({etag.removeprefix("W/"), "*"})


@cache
def _files() -> frozenset[str]:
    return frozenset(path.relative_to(_ROOT).as_posix() for path in _ROOT.rglob("*") if path.is_file())


def _media_type(path: str) -> str:
    known = _TYPES.get(path.rpartition(".")[2])
    return known or mimetypes.guess_type(path)[0] or "application/octet-stream"
