"""The development login: an OpenID Connect provider that lets anyone log in as any customer. It is never deployed.

It implements the part of OAuth 2.0's authorization code flow with PKCE (RFC 7636) that the page uses.
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


class _AuthorizationCode(NamedTuple):
    """The request that a code was issued for. `expires` is in seconds since the epoch."""

    customer: str
    challenge: str
    redirect_uri: str
    expires: float


class OidcProvider:
    """Signs tokens with a new key, so that no token is valid beyond this object."""

    def __init__(self, page_url: str, customers: Sequence[str] = CUSTOMERS) -> None:
        """`page_url` has no slash at its end; `customers` have a button on the login page."""
        self._page_url = page_url
        self._customers = tuple(customers)
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._codes: dict[str, _AuthorizationCode] = {}
        self.url = f"{page_url}{PREFIX}"

    @property
    def authorizer(self) -> Authorizer:
        return Authorizer(issuer=self.url, audience=CLIENT_ID, key=self._key.public_key())

    @property
    def environment(self) -> dict[str, str]:
        """The settings of the function `web` that name this provider."""
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
        """A signed token for `customer`. `changes` replace claims, for tests; None removes a claim."""
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
        """The page on which the customer is chosen."""
        query = dict(request.query_params)
        if not self._is_of_page(query.get("redirect_uri", "")):
            return _refusal("redirect_uri is not of this page")
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
        if not self._is_of_page(redirect):
            return _refusal("redirect_uri is not of this page")
        try:
            customer = object_keys.check_customer(query.get("other") or query.get("customer", ""))
        except Refusal as error:
            return _refusal(error.message)
        code = secrets.token_urlsafe(24)
        self._codes[code] = _AuthorizationCode(
            customer, query.get("code_challenge", ""), redirect, time.time() + _CODE_SECONDS
        )
        separator = "&" if urlsplit(redirect).query else "?"
        back = f"{redirect}{separator}{urlencode({'code': code, 'state': query.get('state', '')})}"
        return RedirectResponse(back, HTTPStatus.SEE_OTHER, _HEADERS)

    async def _exchange(self, request: Request) -> Response:
        """Exchange a code for a token. A code is valid once."""
        form = dict(parse_qsl((await request.body()).decode("latin-1")))
        code = self._codes.pop(form.get("code", ""), None)
        valid = (
            code is not None
            and code.expires > time.time()
            and form.get("grant_type") == "authorization_code"
            and form.get("client_id") == CLIENT_ID
            and form.get("redirect_uri") == code.redirect_uri
            and hmac.compare_digest(_challenge(form.get("code_verifier", "")).encode(), code.challenge.encode())
        )
        if not valid or code is None:
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
        """Go back to `logout_uri`; there is no session to end."""
        back = request.query_params.get("logout_uri", f"{self._page_url}/")
        return (
            RedirectResponse(back, HTTPStatus.SEE_OTHER)
            if self._is_of_page(back)
            else _refusal("logout_uri is not of this page")
        )

    def _is_of_page(self, url: str) -> bool:
        return url == self._page_url or url.startswith(f"{self._page_url}/")


def _challenge(verifier: str) -> str:
    """The S256 challenge of RFC 7636."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _refusal(reason: str) -> Response:
    return Response(f"The login was refused: {reason}.", HTTPStatus.BAD_REQUEST, _HEADERS, "text/plain; charset=utf-8")


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
<p>This is the embedded cloud's development login: choose any customer. It is not deployed to AWS.</p>
<form action="choose">{hidden}{buttons}
<label>Another customer <input name="other" autocomplete="off" pattern="[A-Za-z0-9][A-Za-z0-9._\\-]{{0,63}}"></label>
<button>Go on</button></form>
</main>
</html>
"""
