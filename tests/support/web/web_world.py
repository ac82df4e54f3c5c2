"""The web API on moto's S3 and a real PostgreSQL behind the embedded gateway, all in this process."""

import asyncio
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self, cast
from uuid import uuid4

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.adapters.postgres.gallery import GalleryRows
from core.adapters.postgres.ledger import PostgresLedger
from core.bootstrap.web import web_services
from core.domain import stored_documents
from core.domain.model import ImageFormat, ObjectRef, Rendition, Result, Source
from handler.web.gateway import lambda_handler
from localcloud.http_api.gateway import gateway_route
from localcloud.http_api.oidc_provider import CLAIM, OidcProvider
from localcloud.lambda_.function import Invocation
from tests.support.values import result

if TYPE_CHECKING:
    from httpx import Response
    from mypy_boto3_s3 import S3Client

ISSUER = OidcProvider("http://testserver")  # shared, since generating its key is slow
_LOOPS = threading.local()


class WebWorld:
    """The web API with one bucket and one database."""

    def __init__(self, s3: "S3Client", bucket: str, database_url: str, cloud: str) -> None:
        self.s3 = s3
        self.bucket = bucket
        self.endpoint = cloud
        self.ledger = PostgresLedger(database_url)
        self.web = web_services(
            {
                "BUCKET": bucket,
                "DATABASE_URL": re.sub("//postgres:?@", "//picture_perfect_web@", database_url),
                "AWS_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": cloud,
                **ISSUER.environment,
            }
        )
        self.handle = lambda_handler(self.web)
        routes = [*ISSUER.routes, gateway_route(ISSUER.authorizer, self.invoke)]
        self.client = TestClient(Starlette(routes=routes), follow_redirects=False)

    def __enter__(self) -> Self:
        self.client.__enter__()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.client.__exit__()
        self.ledger.close()
        cast("GalleryRows", self.web.gallery.rows).close()

    def invoke(self, event: dict[str, Any]) -> Invocation:
        """Call the Lambda handler in this thread, with an event loop of its own."""
        if not hasattr(_LOOPS, "loop"):
            _LOOPS.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(_LOOPS.loop)
        return Invocation("request", self.handle(event, cast("Any", None)))

    def ask(self, customer: str, method: str, path: str, **options: Any) -> "Response":
        """Send a request with a token of the customer."""
        headers = {"Authorization": f"Bearer {ISSUER.token(customer)}", **options.pop("headers", {})}
        return cast("Response", self.client.request(method, path, headers=headers, **options))

    def get(self, customer: str, path: str, **query: Any) -> Any:
        answer = self.ask(customer, "GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, customer: str, path: str, body: object, expected: int = 200) -> Any:
        answer = self.ask(customer, "POST", path, json=body)
        assert answer.status_code == expected, answer.text
        return answer.json()

    def image(self, customer: str = "acme", name: str = "a.jpg", **changes: Any) -> Result:
        """A finished image: its objects, its manifest and its row. `changes` are fields of the result."""
        image_id = str(uuid4())
        upload = str(uuid4())
        key = f"processed/{customer}/{image_id}/small-00.jpg"
        rendition = Rendition(
            name="small", format=ImageFormat.JPEG, width=40, height=30, bytes=5, sha256="00", key=key, url="https://x"
        )
        source = ObjectRef(bucket=self.bucket, key=f"incoming/{customer}/web/{upload}/{name}", version="v1")
        made = result(
            **{
                "image_id": image_id,
                "customer": customer,
                "source": Source(object=source, name=name, bytes=7, sha256="ab"),
                "renditions": (rendition,),
                **changes,
            }
        )
        self.put(key, b"small", "image/jpeg")
        self.put(f"originals/{customer}/{image_id}/{name}", b"source", "image/jpeg")
        self.put(made.key, stored_documents.encode_result(made), "application/json")
        self.ledger.record([made], [])
        return made

    def put(self, key: str, body: bytes, media_type: str) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=media_type)

    def objects(self, prefix: str) -> dict[str, str]:
        """ETags by key."""
        contents = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return {item["Key"]: item["ETag"] for item in contents}


def event(method: str, path: str, claims: Mapping[str, Any] | None = None, /, **changes: Any) -> dict[str, Any]:
    """An event of API Gateway (payload 2.0), or a forged one: `changes` replace its fields."""
    context: dict[str, Any] = {"http": {"method": method, "path": path, "sourceIp": "192.0.2.1"}, "requestId": "r"}
    if claims is not None:
        context["authorizer"] = {"jwt": {"claims": dict(claims)}}
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {},
        "requestContext": context,
        **changes,
    }


def claims_of(customer: str) -> dict[str, str]:
    return {CLAIM: customer}


@contextmanager
def web_world(s3: "S3Client", bucket: str, database_url: str, cloud: str) -> Iterator[WebWorld]:
    """A WebWorld; boto3 in this process uses moto meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": cloud,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            patch.setenv(name, value)
        with WebWorld(s3, bucket, database_url, cloud) as world:
            yield world
