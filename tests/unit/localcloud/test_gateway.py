"""The embedded HTTP API sends API Gateway's events, and its login exchanges a code for a token once."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from localcloud.http_api.gateway import gateway_route
from localcloud.http_api.oidc_provider import CLAIM, CLIENT_ID, OidcProvider
from localcloud.lambda_.function import Invocation

VERIFIER = "a-secret-that-only-the-page-knows-for-a-while"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
BACK = "http://testserver/?page"


class FakeFunction:
    """Keeps the events that it received."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.answer: Any = {"statusCode": 200, "headers": {"x-own": "1"}, "body": "aGk=", "isBase64Encoded": True}
        self.error: str | None = None

    def invoke(self, event: dict[str, Any]) -> Invocation:
        self.events.append(event)
        return Invocation("request", self.answer, self.error)


@pytest.fixture(scope="module")
def issuer() -> OidcProvider:
    return OidcProvider("http://testserver")


@pytest.fixture
def function() -> FakeFunction:
    return FakeFunction()


@pytest.fixture
def client(issuer: OidcProvider, function: FakeFunction) -> Iterator[TestClient]:
    routes = [*issuer.routes, gateway_route(issuer.authorizer, function.invoke)]
    with TestClient(Starlette(routes=routes), follow_redirects=False) as client:
        yield client


def test_an_event_is_what_the_http_api_sends(client: TestClient, function: FakeFunction, issuer: OidcProvider) -> None:
    token = issuer.token("acme", groups=["one", "two"], verified=True)
    answer = client.post(
        "/api/uploads?a=1&a=2&b=%C3%A9",
        content=b"\xff",
        headers={"Authorization": f"bearer {token}", "Cookie": "c=1; d=2"},
    )
    assert (answer.status_code, answer.content, answer.headers["x-own"]) == (200, b"hi", "1")
    (event,) = function.events
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "POST /api/{proxy+}", "/api/uploads")
    assert (event["rawQueryString"], event["queryStringParameters"]) == ("a=1&a=2&b=%C3%A9", {"a": "1,2", "b": "é"})
    assert (event["isBase64Encoded"], event["body"], event["cookies"]) == (True, "/w==", ["c=1", "d=2"])
    assert event["headers"]["authorization"] == f"bearer {token}"
    assert "cookie" not in event["headers"]
    http = event["requestContext"]["http"]
    assert (http["method"], http["path"], http["protocol"]) == ("POST", "/api/uploads", "HTTP/1.1")
    claims = event["requestContext"]["authorizer"]["jwt"]["claims"]
    assert claims[CLAIM] == "acme"
    assert (claims["groups"], claims["verified"]) == ("[one two]", "true")
    assert claims["exp"].isdecimal()


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/config.json", "/api/docs", "/api/openapi.json", "/api"])
def test_a_public_path_carries_no_claims_even_with_a_token(
    client: TestClient, function: FakeFunction, issuer: OidcProvider, path: str
) -> None:
    assert client.get(path, headers={"Authorization": f"Bearer {issuer.token('acme')}"}).status_code == 200
    assert "authorizer" not in function.events[0]["requestContext"]


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/"), ("PUT", "/api/images"), ("PATCH", "/api/images"), ("HEAD", "/api/images")]
)
def test_a_method_without_a_route_does_not_reach_the_function(
    client: TestClient, function: FakeFunction, issuer: OidcProvider, method: str, path: str
) -> None:
    headers = {"Authorization": f"Bearer {issuer.token('acme')}"}
    assert client.request(method, path, headers=headers).status_code == 404
    assert function.events == []


def test_a_function_that_failed_is_an_error_of_the_gateways_own(client: TestClient, function: FakeFunction) -> None:
    function.error, function.answer = "Unhandled", {"errorMessage": "secret"}
    answer = client.get("/")
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


def code_of(client: TestClient, customer: str = "acme") -> str:
    query = {"redirect_uri": BACK, "state": "s", "code_challenge": CHALLENGE, "customer": customer}
    answer = client.get("/development-login/choose", params=query)
    back = urlsplit(answer.headers["location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == "http://testserver/"
    query_of_redirect = parse_qs(back.query, keep_blank_values=True)
    assert query_of_redirect["state"] == ["s"]
    code: str = query_of_redirect["code"][0]
    return code


def exchange(client: TestClient, code: str, **changes: str) -> Any:
    form = {
        "grant_type": "authorization_code", "client_id": CLIENT_ID, "redirect_uri": BACK, "code": code,
        "code_verifier": VERIFIER, **changes,
    }  # fmt: skip
    return client.post("/development-login/token", data=form)


def test_a_code_is_good_for_a_token_once(client: TestClient, issuer: OidcProvider) -> None:
    page = client.get("/development-login/authorize", params={"redirect_uri": BACK, "state": '"><script>'})
    assert page.status_code == 200
    assert "<script>" not in page.text
    code = code_of(client, "fjord")
    answer = exchange(client, code)
    claims = issuer.authorizer.claims(f"Bearer {answer.json()['id_token']}")
    assert claims
    assert claims[CLAIM] == "fjord"
    again = exchange(client, code)
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(
    "changes",
    [{"code_verifier": "another"}, {"redirect_uri": "http://testserver/"}, {"client_id": "x"}, {"grant_type": "x"}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_code_is_valid_only_for_the_request_it_was_given_to(client: TestClient, changes: dict[str, str]) -> None:
    code = code_of(client)
    assert exchange(client, code, **changes).status_code == 400
    assert exchange(client, code).status_code == 400  # the failed attempt has used it up


@pytest.mark.parametrize("place", ["authorize", "choose", "logout"])
@pytest.mark.parametrize("uri", ["https://evil.example/", "http://testserver.evil.example/", "//evil.example"])
def test_the_login_leads_back_to_its_own_page_alone(client: TestClient, place: str, uri: str) -> None:
    query = {"redirect_uri": uri, "logout_uri": uri, "customer": "acme"}
    answer = client.get(f"/development-login/{place}", params=query)
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_an_invalid_customer_name_is_refused(client: TestClient) -> None:
    query = {"redirect_uri": BACK, "customer": "acme/../globex"}
    assert client.get("/development-login/choose", params=query).status_code == 400
