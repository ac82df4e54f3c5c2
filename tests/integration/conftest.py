"""The web API on moto's S3 and a real PostgreSQL, for its tests."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.support.web.web_world import WebWorld, web_world

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture(scope="module")
def web_tables(tables: Callable[[], str]) -> str:
    """One database for all tests of a module: creating one takes longer than a test."""
    return tables()


@pytest.fixture
def world(web_tables: str, bucket: str, s3: "S3Client", cloud: str) -> Iterator[WebWorld]:
    with psycopg.connect(web_tables) as connection:
        connection.execute(
            "TRUNCATE images, renditions, tombstones, rollup_days, rollup_months, rollup_histograms,"
            " rollup_customer_latencies"
        )
    with web_world(s3, bucket, web_tables, cloud) as web:
        yield web
