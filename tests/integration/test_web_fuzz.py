"""Generated requests to every endpoint of the OpenAPI document: no 500, and no undeclared answer.

They go by HTTP through the embedded gateway, with a token of its login, to moto's S3 and a real PostgreSQL.
"""

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from core.adapters.postgres.ledger import PostgresLedger
from handler.web.openapi import document
from localcloud.http_api.gateway import gateway_route
from localcloud.http_api.oidc_provider import OidcProvider
from localcloud.http_server import HttpServer
from tests.support.waiting import HANGS_AFTER
from tests.support.web.web_world import web_world

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: `WEB_EXAMPLES=200 pytest tests/integration/test_web_fuzz.py` tries more requests.
EXAMPLES = int(os.environ.get("WEB_EXAMPLES", "8"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    ignored_auth,
]
SCHEMA = schemathesis.openapi.from_dict(document())


class Served(NamedTuple):
    """The API's URL, and a token and an HTTP session to use it with."""

    url: str
    token: str
    session: requests.Session


@pytest.fixture(scope="module")
def served(postgres: Callable[[], str], s3: "S3Client", cloud: str) -> Iterator[Served]:
    database, bucket = postgres(), f"test-{uuid4()}"
    s3.create_bucket(Bucket=bucket)
    ledger = PostgresLedger(database)
    ledger.migrate()
    ledger.close()
    with web_world(s3, bucket, database, cloud) as world, HttpServer() as server, requests.Session() as session:
        session.trust_env = False
        for _ in range(3):
            world.image()
        world.post("acme", "/api/multipart", {"pipeline": "web", "name": "a.jpg", "bytes": 9_000_000}, 201)
        login = OidcProvider(server.url)
        server.add([gateway_route(login.authorizer, world.invoke)])
        yield Served(server.url, login.token("acme"), session)


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_generated_requests_are_answered_as_declared(case: Any, served: Served) -> None:
    case.call_and_validate(
        base_url=served.url,
        session=served.session,
        headers={"Authorization": f"Bearer {served.token}"},
        checks=CHECKS,
        timeout=HANGS_AFTER,
    )


def test_every_endpoint_is_tried() -> None:
    assert len(list(SCHEMA.get_all_operations())) == sum(len(item) for item in document()["paths"].values()) == 13
