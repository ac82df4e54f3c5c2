"""Checks the page of a running system without logging in."""

from http import HTTPStatus
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

_SECONDS = 30.0  # the time-out of an HTTP API for its function
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def page_faults(url: str) -> list[str]:
    """A sentence with the remedy for each fault of the page at `url`.

    The page must answer with HTML, and `/api/images` with 401 without a token.
    """
    page, api = f"{url.rstrip('/')}/", f"{url.rstrip('/')}/api/images"
    try:
        faults = []
        status, kind = _get(page)
        if status != HTTPStatus.OK or not kind.startswith("text/html"):
            faults.append(
                f"{page} answers {status} with {kind or 'no type'}, not 200 with text/html. "
                "Look at the log of the function web, and at the access log of the API."
            )
        status, _ = _get(api)
        if status != HTTPStatus.UNAUTHORIZED:
            faults.append(
                f"{api} answers {status} without a token, not 401. "
                "Look at the authorizer of the route /api/ in API Gateway, and deploy again."
            )
    except OSError as error:
        return [
            f"{url} is not reachable: {error}. Check that the API exists in API Gateway; --skip page leaves it out."
        ]
    return faults


def _get(url: str) -> tuple[int, str]:
    """Status and content type. Raises OSError without an answer."""
    direct = [ProxyHandler({})] if urlsplit(url).hostname in _LOOPBACK else []
    try:
        with build_opener(*direct).open(url, timeout=_SECONDS) as answer:
            return answer.status, answer.headers.get("content-type", "")
    except HTTPError as error:
        with error:
            return error.code, error.headers.get("content-type", "")
