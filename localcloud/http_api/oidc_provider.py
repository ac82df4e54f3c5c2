"""A login for a laptop: whoever asks says which customer he is. It is no part of what is deployed.

It speaks as much of OAuth 2.0's code flow with PKCE (RFC 7636) as the page needs, so that the page is the same there.
"""

import base64
import hashlib
import hmac
import html
import secrets
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from core.domain import object_keys
from core.domain.errors import Refusal
from localcloud.http_api.gateway import Authorizer

PREFIX = "/development-login"
CLIENT_ID = "picture-perfect-on-a-laptop"
CLAIM = "custom:customer"
CUSTOMERS = ("acme", "fjord", "harbour", "alpine")
_TOKEN_SECONDS = 3600
_CODE_SECONDS = 60


class _Code(NamedTuple):
    customer: str
    challenge: str
    redirect_uri: str
    until: float


class Issuer:
    """Signs with a key of its own, made anew each time: no token outlives it."""

    def __init__(self, address: str, customers: Sequence[str] = CUSTOMERS) -> None:
        """`address` is the page's, without a slash at the end."""
        self._address = address
        self._customers = tuple(customers)
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._codes: dict[str, _Code] = {}
        self.url = f"{address}{PREFIX}"

    @property
    def authorizer(self) -> Authorizer:
        return Authorizer(issuer=self.url, audience=CLIENT_ID, key=self._key.public_key())

    @property
    def environment(self) -> dict[str, str]:
        """What the page's function must know of it."""
        return {
            "CUSTOMER_CLAIM": CLAIM,
            "LOGIN_CLIENT_ID": CLIENT_ID,
            "LOGIN_AUTHORIZE_URL": f"{self.url}/authorize",
            "LOGIN_TOKEN_URL": f"{self.url}/token",
            "LOGIN_LOGOUT_URL": f"{self.url}/logout",
        }

    @property
    def routes(self) -> list[BaseRoute]:
        return [
            Route(f"{PREFIX}/authorize", self._authorize, methods=["GET"]),
            Route(f"{PREFIX}/choose", self._choose, methods=["GET"]),
            Route(f"{PREFIX}/token", self._exchange, methods=["POST"]),
            Route(f"{PREFIX}/logout", self._logout, methods=["GET"]),
        ]

    def token(self, customer: str, **changes: object) -> str:
        """A token as the login gives it; `changes` are other claims, for tests. One that is None is left out."""
        now = int(time.time())
        claims: dict[str, object] = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": customer,
            "token_use": "id",
            "iat": now,
            "exp": now + _TOKEN_SECONDS,
            CLAIM: customer,
            **changes,
        }
        return jwt.encode({name: value for name, value in claims.items() if value is not None}, self._key, "RS256")

    async def _authorize(self, request: Request) -> Response:
        """A page on which one says who one is."""
        query = dict(request.query_params)
        if not self._is_ours(query.get("redirect_uri", "")):
            return _refused("redirect_uri is not of this page")
        hidden = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(query.get(name, ""))}">'
            for name in ("redirect_uri", "state", "code_challenge")
        )
        buttons = "".join(
            f'<button name="customer" value="{html.escape(name)}">{html.escape(name)}</button>'
            for name in self._customers
        )
        page = _PAGE.format(hidden=hidden, buttons=buttons)
        return Response(page, headers=_HEADERS, media_type="text/html; charset=utf-8")

    async def _choose(self, request: Request) -> Response:
        query = request.query_params
        redirect = query.get("redirect_uri", "")
        if not self._is_ours(redirect):
            return _refused("redirect_uri is not of this page")
        try:
            customer = object_keys.check_customer(query.get("other") or query.get("customer", ""))
        except Refusal as error:
            return _refused(error.message)
        code = secrets.token_urlsafe(24)
        self._codes[code] = _Code(customer, query.get("code_challenge", ""), redirect, time.time() + _CODE_SECONDS)
        joint = "&" if urlsplit(redirect).query else "?"
        back = f"{redirect}{joint}{urlencode({'code': code, 'state': query.get('state', '')})}"
        return RedirectResponse(back, HTTPStatus.SEE_OTHER, _HEADERS)

    async def _exchange(self, request: Request) -> Response:
        """A code, once, for a token."""
        said = dict(parse_qsl((await request.body()).decode("latin-1")))
        code = self._codes.pop(said.get("code", ""), None)
        fits = (
            code is not None
            and code.until > time.time()
            and said.get("grant_type") == "authorization_code"
            and said.get("client_id") == CLIENT_ID
            and said.get("redirect_uri") == code.redirect_uri
            and hmac.compare_digest(_challenge(said.get("code_verifier", "")).encode(), code.challenge.encode())
        )
        if not fits or code is None:
            return JSONResponse({"error": "invalid_grant"}, HTTPStatus.BAD_REQUEST, _HEADERS)
        token = self.token(code.customer)
        answer: dict[str, Any] = {
            "id_token": token,
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": _TOKEN_SECONDS,
        }
        return JSONResponse(answer, headers=_HEADERS)

    async def _logout(self, request: Request) -> Response:
        """Nothing is remembered here; back to where one came from."""
        back = request.query_params.get("logout_uri", f"{self._address}/")
        return RedirectResponse(back, HTTPStatus.SEE_OTHER) if self._is_ours(back) else _refused("logout_uri")

    def _is_ours(self, url: str) -> bool:
        return url == self._address or url.startswith(f"{self._address}/")


def _challenge(verifier: str) -> str:
    """RFC 7636, S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _refused(why: str) -> Response:
    return Response(f"The login was refused: {why}.", HTTPStatus.BAD_REQUEST, _HEADERS, "text/plain; charset=utf-8")


_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Who are you?</title>
<style>
  body {{ font: 1.0625rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 15vh auto; padding: 0 1.5rem }}
  form {{ display: grid; gap: .75rem }}
  button, input {{ font: inherit; padding: .75rem 1rem; border-radius: .5rem; border: 1px solid #8888; width: 100%;
    box-sizing: border-box }}
  p {{ color: color-mix(in srgb, currentColor 70%, transparent) }}
</style>
<main>
<h1>Who are you?</h1>
<p>This is the login of the embedded cloud: you are whom you say. It is not there in AWS.</p>
<form action="choose">{hidden}{buttons}
<label>Another customer <input name="other" autocomplete="off" pattern="[A-Za-z0-9][A-Za-z0-9._\\-]{{0,63}}"></label>
<button>Go on</button></form>
</main>
</html>
"""
