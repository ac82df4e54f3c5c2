"""Attacks of the customer Acme on the customer Globex: none reads, lists, erases or overwrites anything.

ATTEMPTS lists each attack with its request and the expected status. After each, Globex's data is unchanged and the
answer contains none of it. Signed forms and URLs go to a judge that answers as S3 does: moto accepts any signature.
"""

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from uuid import uuid4

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from core.domain.model import Result
from localcloud.http_api.oidc_provider import CLAIM, CLIENT_ID, OidcProvider
from tests.support.aws.s3_judge import judge_form, judge_url
from tests.support.web.web_world import ISSUER, WebWorld, claims_of, event, web_world

if TYPE_CHECKING:
    from httpx import Response
    from mypy_boto3_s3 import S3Client

BEGIN = {"pipeline": "web", "name": "secret.jpg", "bytes": 9_000_000}
SECRET = "test"


@dataclass(frozen=True)
class Globex:
    """The victim's data: an image, a waiting upload, one in parts, a cursor and a form."""

    world: WebWorld
    before: dict[str, Any]
    image: Result
    multipart: str
    part_url: str
    cursor: str
    form: dict[str, Any]


@pytest.fixture(scope="module")
def globex(postgres: Callable[[], str], s3: "S3Client", cloud: str) -> Iterator[Globex]:
    from core.adapters.postgres.ledger import PostgresLedger

    database, bucket = postgres(), f"test-{uuid4()}"
    s3.create_bucket(Bucket=bucket)
    ledger = PostgresLedger(database)
    ledger.migrate()
    ledger.close()
    with web_world(s3, bucket, database, cloud) as world:
        images = [world.image("globex", "secret.jpg") for _ in range(2)]
        world.image("acme", "own.jpg")
        world.put(f"incoming/globex/web/{uuid4()}/secret.jpg", b"waits", "image/jpeg")
        multipart = world.post("globex", "/api/multipart", BEGIN, 201)["upload"]
        signed = world.post("globex", f"/api/multipart/web/{multipart}/parts", {"bytes": 9_000_000, "numbers": [1]})
        announced = world.post(
            "globex", "/api/uploads", {"pipeline": "web", "files": [{"name": "secret.jpg", "bytes": 9}]}, 201
        )
        yield Globex(
            world=world,
            before=holdings(world),
            image=images[0],
            multipart=multipart,
            part_url=signed["parts"][0]["url"],
            cursor=world.get("globex", "/api/images", limit=1)["next"],
            form=announced["accepted"][0]["form"],
        )


def holdings(world: WebWorld) -> dict[str, Any]:
    """All data of Globex."""
    return {
        "objects": {key: tag for key, tag in world.objects("").items() if "acme" not in key},
        "images": [item["image_id"] for item in world.get("globex", "/api/images")["images"]],
        "uploads": world.get("globex", "/api/multipart"),
    }


class Attempt(NamedTuple):
    """An attack. `run` returns a status, or an answer with one."""

    name: str
    expected: int
    run: Callable[[Globex], "int | Response | dict[str, Any]"]


def acme(method: str, path: str, **options: Any) -> Callable[[Globex], Any]:
    """A request with Acme's own valid token; `{victim…}` in the path are fields of Globex's data."""
    return lambda victim: victim.world.ask("acme", method, path.format(victim=victim), **options)


def token(make: Callable[[], str]) -> Callable[[Globex], Any]:
    """A request for Globex's images with a forged token."""
    return lambda victim: victim.world.client.get("/api/images", headers={"Authorization": f"Bearer {make()}"})


def header(value: str) -> Callable[[Globex], Any]:
    return lambda victim: victim.world.client.get("/api/images", headers={"Authorization": value})


def past_the_gateway(claims: Any = None, **changes: Any) -> Callable[[Globex], Any]:
    """Invoke the function itself with a forged event."""
    return lambda victim: victim.world.handle(event("GET", "/api/images", claims, **changes), cast("Any", None))


def forged(**changes: Any) -> Callable[[Globex], Any]:
    return token(lambda: ISSUER.token("globex", **changes))


def own_form(**changes: str) -> Callable[[Globex], int]:
    """Post Acme's own signed form with other fields to S3."""

    def run(victim: Globex) -> int:
        files = [{"name": "own.jpg", "bytes": 9, "type": "image/jpeg"}]
        answer = victim.world.post("acme", "/api/uploads", {"pipeline": "web", "files": files}, 201)
        fields = answer["accepted"][0]["form"]["fields"]
        changed = {name: value.format(victim=victim) for name, value in changes.items()}
        return judge_form(SECRET, victim.world.bucket, {**fields, **changed}, 9)

    return run


def own_policy(change: Callable[[dict[str, Any]], None]) -> Callable[[Globex], int]:
    """Post Acme's own form with a changed policy to S3."""

    def run(victim: Globex) -> int:
        files = [{"name": "own.jpg", "bytes": 9}]
        answer = victim.world.post("acme", "/api/uploads", {"pipeline": "web", "files": files}, 201)
        fields = answer["accepted"][0]["form"]["fields"]
        policy = json.loads(base64.b64decode(fields["policy"]))
        change(policy)
        policy["conditions"][1]["key"] = fields["key"] = fields["key"].replace("/acme/", "/globex/")
        fields["policy"] = base64.b64encode(json.dumps(policy).encode()).decode()
        return judge_form(SECRET, victim.world.bucket, fields, 9)

    return run


def own_url(path: str, method: str, old: str, new: str) -> Callable[[Globex], int]:
    """Send a changed URL that was signed for Acme to S3."""

    def run(victim: Globex) -> int:
        image = victim.world.get("acme", "/api/images")["images"][0]
        url = victim.world.get("acme", f"/api/images/{image['image_id']}")
        for step in path.split("."):
            url = url[int(step)] if isinstance(url, list) else url[step]
        changed = url.replace(old.format(image=image), new.format(victim=victim))
        assert changed != url or method != "GET"
        return judge_url(SECRET, method, changed, {})

    return run


def own_part(old: str, new: str) -> Callable[[Globex], int]:
    """Send a changed URL for a part of Acme's own upload to S3."""

    def run(victim: Globex) -> int:
        upload = victim.world.post("acme", "/api/multipart", BEGIN, 201)["upload"]
        path = f"/api/multipart/web/{upload}"
        request = {"bytes": 9_000_000, "numbers": [1]}
        signed = victim.world.post("acme", f"{path}/parts", request)["parts"][0]
        assert victim.world.ask("acme", "DELETE", path).status_code == 204
        theirs = victim.part_url.partition("uploadId=")[2].partition("&")[0]
        mine = signed["url"].partition("uploadId=")[2].partition("&")[0]
        changed = signed["url"].replace(old.format(upload=upload, mine=mine), new.format(victim=victim, theirs=theirs))
        assert changed != signed["url"]
        return judge_url(SECRET, "PUT", changed, {"Content-Length": str(signed["bytes"])})

    return run


def with_none_as_algorithm() -> str:
    claims = jwt.decode(ISSUER.token("globex"), options={"verify_signature": False})
    return jwt.encode(claims, "", algorithm="none")


def with_the_public_key_as_a_secret() -> str:
    """HS256 with the public key as the secret, which careless verifiers accept."""
    public = ISSUER.authorizer.key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    claims = jwt.decode(ISSUER.token("globex"), options={"verify_signature": False})
    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "HS256", "typ": "JWT"}, claims)
    )
    import hmac

    signature = base64.urlsafe_b64encode(hmac.digest(public, head + b"." + body, "sha256")).rstrip(b"=")
    return (head + b"." + body + b"." + signature).decode()


def with_other_claims_under_the_old_signature() -> str:
    head, body, signature = ISSUER.token("acme").split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    changed = base64.urlsafe_b64encode(json.dumps({**claims, CLAIM: "globex"}).encode()).rstrip(b"=").decode()
    return f"{head}.{changed}.{signature}"


def with_a_key_in_its_own_header() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = jwt.decode(ISSUER.token("globex"), options={"verify_signature": False})
    public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return jwt.encode(claims, key, "RS256", headers={"jwk": public})


UPLOAD = {"pipeline": "web", "files": [{"name": "a.jpg", "bytes": 9}]}
ATTEMPTS = (
    # Guessed ids
    Attempt("read its image by its id", 404, acme("GET", "/api/images/{victim.image.image_id}")),
    Attempt("erase its image by its id", 404, acme("DELETE", "/api/images/{victim.image.image_id}")),
    Attempt("read its image by an id in capitals", 404,
            lambda victim: victim.world.ask("acme", "GET", f"/api/images/{victim.image.image_id.upper()}")),
    Attempt("read by a path with parent folders", 404, acme(
        "GET", "/api/images/..%2F..%2Fglobex%2F{victim.image.image_id}")),
    Attempt("find its images by their upload", 200, acme("GET", "/api/images?upload={victim.multipart}&text=secret")),
    Attempt("name the customer in the query", 400, acme("GET", "/api/images?customer=globex")),
    Attempt("name the customer in the numbers' query", 400, acme("GET", "/api/numbers?customer=globex")),
    Attempt("put SQL into the text", 200, acme("GET", "/api/images", params={"text": "' OR customer = 'globex' --"})),
    Attempt("put SQL into the format", 400, acme("GET", "/api/images", params={"format": "jpeg' OR '1'='1"})),
    Attempt("go on from its cursor", 400, acme("GET", "/api/images?limit=1&cursor={victim.cursor}")),
    Attempt("list waiting uploads from its prefix on", 400, lambda victim: victim.world.ask(
        "acme", "GET", "/api/uploads", params={"cursor": base64.urlsafe_b64encode(
            msgspec.json.encode(["0" * 16, "incoming/globex/"])).decode().rstrip("=")})),
    # Uploads
    Attempt("announce an upload for it", 400, acme("POST", "/api/uploads", json={**UPLOAD, "customer": "globex"})),
    Attempt("announce with a pipeline with parent folders", 400, acme(
        "POST", "/api/uploads", json={**UPLOAD, "pipeline": "../globex/web"})),
    Attempt("begin an upload with a pipeline with parent folders", 400, acme(
        "POST", "/api/multipart", json={**BEGIN, "pipeline": "web/../../globex/web"})),
    Attempt("look at its upload in parts", 404, acme("GET", "/api/multipart/web/{victim.multipart}")),
    Attempt("sign parts of its upload", 404, acme(
        "POST", "/api/multipart/web/{victim.multipart}/parts", json={"bytes": 9_000_000, "numbers": [1]})),
    Attempt("complete its upload", 404, acme(
        "POST", "/api/multipart/web/{victim.multipart}/complete", json={"bytes": 9_000_000})),
    Attempt("abort its upload", 404, acme("DELETE", "/api/multipart/web/{victim.multipart}")),
    Attempt("abort its upload by a path with parent folders", 404, acme(
        "DELETE", "/api/multipart/..%2Fglobex%2Fweb/{victim.multipart}")),
    # Forms and URLs that were signed for Acme
    Attempt("post its own form to a key of Globex", 403, own_form(key="{victim.form[fields][key]}")),
    Attempt("post its own form over a commit", 403, own_form(key="results/{victim.image.image_id}/0.json")),
    Attempt("post its own form as a tombstone", 403, own_form(key="tombstones/globex/{victim.image.image_id}.json")),
    Attempt("post its own form as HTML", 403, own_form(**{"Content-Type": "text/html"})),
    Attempt("post its own form for all to read", 403, own_form(acl="public-read")),
    Attempt("rewrite the form's policy", 403, own_policy(lambda _: None)),
    Attempt("rewrite the form's policy with a late expiry", 403, own_policy(
        lambda policy: policy.update(expiration="2099-01-01T00:00:00Z"))),
    Attempt("read Globex's rendition by its own link", 403, own_url(
        "renditions.0.url", "GET", "/acme/{image[image_id]}/", "/globex/{victim.image.image_id}/")),
    Attempt("read Globex's source by its own link", 403, own_url(
        "before", "GET", "/acme/{image[image_id]}/", "/globex/{victim.image.image_id}/")),
    Attempt("read a commit by its own link", 403, own_url("renditions.0.url", "GET", "processed/acme", "results")),
    Attempt("delete by a link to read", 403, own_url("renditions.0.url", "DELETE", "", "")),
    Attempt("put by a link to read", 403, own_url("before", "PUT", "", "")),
    Attempt("put a part to Globex's key", 403, own_part("/acme/web/{upload}", "/globex/web/{victim.multipart}")),
    Attempt("put a part to Globex's upload", 403, own_part("{mine}", "{theirs}x")),
    # Tokens
    Attempt("no token", 401, lambda victim: victim.world.client.get("/api/images")),
    Attempt("an empty token", 401, header("Bearer ")),
    Attempt("a word instead of a token", 401, header("Bearer globex")),
    Attempt("a name and a password", 401, header("Basic Z2xvYmV4Og==")),
    Attempt("a token of another audience", 401, forged(aud="another-client")),
    Attempt("a token of several audiences, none of them ours", 401, forged(aud=["one", "two"])),
    Attempt("a token without an audience", 401, forged(aud=None)),
    Attempt("an access token of another client", 401, forged(aud=None, client_id="another-client")),
    Attempt("an expired token", 401, forged(exp=int(time.time()) - 1)),
    Attempt("a token without an expiry", 401, forged(exp=None)),
    Attempt("a token that is not valid yet", 401, forged(nbf=int(time.time()) + 86_400)),
    Attempt("a token of another issuer", 401, forged(iss="https://login.example")),
    Attempt("a token without an issuer", 401, forged(iss=None)),
    Attempt("a token of another login's key", 401, token(
        lambda: OidcProvider("http://testserver").token("globex", iss=ISSUER.url))),
    Attempt("a token that brings its own key", 401, token(with_a_key_in_its_own_header)),
    Attempt("`alg: none`", 401, token(with_none_as_algorithm)),
    Attempt("HS256 with the public key", 401, token(with_the_public_key_as_a_secret)),
    Attempt("other claims under the old signature", 401, token(with_other_claims_under_the_old_signature)),
    # Claims
    Attempt("a token without a customer", 403, forged(**{CLAIM: None})),
    Attempt("a token with an empty customer", 403, forged(**{CLAIM: ""})),
    Attempt("a token with two customers", 403, forged(**{CLAIM: ["globex", "acme"]})),
    Attempt("a token with one customer in a list", 403, forged(**{CLAIM: ["globex"]})),
    Attempt("a token whose customer has a slash", 403, forged(**{CLAIM: "acme/../globex"})),
    Attempt("a token whose customer is a pattern", 403, forged(**{CLAIM: "%"})),
    Attempt("a token whose customer ends in a line", 403, forged(**{CLAIM: "globex\n"})),
    # Past the gateway
    Attempt("the function without an authorizer", 401, past_the_gateway()),
    Attempt("claims in headers", 401, past_the_gateway(headers={
        "x-customer": "globex", "x-amzn-oidc-data": "globex", "authorization": f"Bearer {ISSUER.token('globex')}"})),
    Attempt("claims that are no object", 401, past_the_gateway(
        requestContext={"http": {"method": "GET", "path": "/api/images", "sourceIp": "x"},
                        "authorizer": {"jwt": {"claims": [CLAIM, "globex"]}}})),
    Attempt("claims where another authorizer leaves them", 401, past_the_gateway(
        requestContext={"http": {"method": "GET", "path": "/api/images", "sourceIp": "x"},
                        "authorizer": {"lambda": claims_of("globex"), "claims": claims_of("globex")}})),
    Attempt("an event of payload 1.0", 401, past_the_gateway(
        version="1.0", path="/api/images", httpMethod="GET", queryStringParameters=None,
        requestContext={"identity": {"sourceIp": "x"}, "authorizer": {"jwt": {"claims": claims_of("globex")}}})),
    Attempt("headers that spoof claims, with its own token", 404, acme(
        "GET", "/api/images/{victim.image.image_id}",
        headers={CLAIM: "globex", "X-Customer": "globex", "X-Forwarded-User": "globex", "Cookie": "customer=globex"})),
    Attempt("an encoded path that the gateway does not guard", 401,
            lambda victim: victim.world.handle(event("GET", "/%61pi/images"), cast("Any", None))),
    Attempt("two slashes before the path", 404, lambda victim: victim.world.client.get("http://testserver//api/images")),
    Attempt("a method that the gateway does not know", 404, acme("PUT", "/api/images/{victim.image.image_id}")),
    # Files
    Attempt("a file beside the page's", 404, lambda victim: victim.world.client.get("/static/..%2Fapp.py")),
    Attempt("a file far from the page's", 404, lambda victim: victim.world.client.get("/static/%2Fetc%2Fpasswd")),
)  # fmt: skip


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: attempt.name)
def test_an_attempt_of_another_customer_is_refused(attempt: Attempt, globex: Globex) -> None:
    answer = attempt.run(globex)
    status, text = _status_and_text(answer)
    assert status == attempt.expected, text
    assert "secret" not in text
    assert globex.image.image_id not in text.replace(f"There is no image {globex.image.image_id}.", "")
    if status == 200:
        assert json.loads(text)["images"] == []
    assert holdings(globex.world) == globex.before


def test_the_same_with_globexs_own_token_is_allowed(globex: Globex) -> None:
    """The attacks above fail for their customer, not for the form of their requests."""
    path = f"/api/images/{globex.image.image_id}"
    assert globex.world.get("globex", path)["image"]["name"] == "secret.jpg"
    assert len(globex.world.get("globex", "/api/images?limit=1", cursor=globex.cursor)["images"]) == 1
    for path in (f"/api/multipart/web/{globex.multipart}", "/api/uploads", "/api/multipart"):
        assert "secret.jpg" in json.dumps(globex.world.get("globex", path))
    assert globex.world.client.get(
        "/api/images", headers={"Authorization": f"Bearer {ISSUER.token('globex', aud=[CLIENT_ID, 'x'])}"}
    ).is_success
    access = ISSUER.token("globex", aud=None, client_id=CLIENT_ID)
    assert globex.world.client.get("/api/images", headers={"Authorization": f"Bearer {access}"}).is_success
    assert judge_form(SECRET, globex.world.bucket, globex.form["fields"], 9) == 201
    assert judge_url(SECRET, "PUT", globex.part_url, {"Content-Length": str(8 * 1024**2)}) == 200
    event_of_the_gateway = event("GET", "/api/images", claims_of("globex"))
    assert "secret.jpg" in globex.world.handle(event_of_the_gateway, cast("Any", None))["body"]


def _status_and_text(answer: Any) -> tuple[int, str]:
    if isinstance(answer, int):
        return answer, ""
    if isinstance(answer, dict):
        return answer["statusCode"], answer["body"]
    return answer.status_code, answer.text
