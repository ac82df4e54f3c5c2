"""The page of a running system, as somebody who is not logged in finds it."""

from http import HTTPStatus
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

_SECONDS = 30.0  # an HTTP API waits as long for its function
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def faults(url: str) -> list[str]:
    """What is wrong with the page at `url`, a sentence each, with what to do; nothing where it is as it should be.

    It answers everyone with HTML, and `/api/images` nobody without a token.
    """
    page, api = f"{url.rstrip('/')}/", f"{url.rstrip('/')}/api/images"
    try:
        found = []
        status, kind = _get(page)
        if status != HTTPStatus.OK or not kind.startswith("text/html"):
            found.append(
                f"{page} answers {status} with {kind or 'no type'}, not 200 with text/html. "
                "Look at the log of the function web, and at the access log of the API."
            )
        status, _ = _get(api)
        if status != HTTPStatus.UNAUTHORIZED:
            found.append(
                f"{api} answers {status} without a token, not 401. "
                "Look at the authorizer of the route /api/ in API Gateway, and deploy anew."
            )
    except OSError as error:
        return [
            f"{url} is not reached: {error}. Look whether the API stands in API Gateway; --skip page leaves it out."
        ]
    return found


def _get(url: str) -> tuple[int, str]:
    """Status and content type. Raises OSError where nobody answers."""
    direct = [ProxyHandler({})] if urlsplit(url).hostname in _LOOPBACK else []
    try:
        with build_opener(*direct).open(url, timeout=_SECONDS) as answer:
            return answer.status, answer.headers.get("content-type", "")
    except HTTPError as error:
        with error:
            return error.code, error.headers.get("content-type", "")
