"""Results with extreme values are recorded, and so are the results after them."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.adapters.postgres.ledger import PostgresLedger
from core.domain import stored_documents
from core.domain.errors import Code, Misconfigured
from core.domain.model import (  # fmt: skip
    Billed,
    Door,
    Estimate,
    ImageFormat,
    ImageHeader,
    ObjectRef,
    Rendition,
    Result,
    Route,
    Source,
    Status,
    Usage,
)
from tests.support.values import NOW, result

SUMS = ("rollup_days", "rollup_months", "rollup_histograms", "rollup_customer_latencies")
VIEWS = (
    "metrics", "dollars", "image_facts", "urls", "image_days", "near_duplicates", "blurry_uploads", "days_by_source",
    "days_by_format", "days_by_code", "days_by_pipeline", "customer_days", "customer_months", "estimate_days",
    "customer_months_by_source", "customer_months_by_code", "customer_months_by_pipeline", "histogram_days",
    "customer_histogram_months", "latency_days", "customer_latency_months",
)  # fmt: skip
#: Too long for an index entry, and incompressible.
_LONG = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=9_000))

integers = st.sampled_from(
    [0, 1, 5, 92_681, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 10**30, -1, -(2**31) - 1, -(2**80)]
)
floats = st.sampled_from([0.0, 0.25, 5e-324, 1e-300, 1e6, 9.3e12, 1e18, 1e300, 1.7976931348623157e308, -1.5, -1e308])
texts = st.sampled_from(["", "web", "a\0b", "=cmd|'calc'!A1", "a/b", "😀\u202e\n", _LONG])
times = st.sampled_from(
    [
        NOW, NOW + timedelta(hours=1), datetime(2000, 1, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=23, minutes=59))), NOW.replace(tzinfo=None),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(-timedelta(hours=23, minutes=59))),
    ]
)  # fmt: skip
headers = st.builds(
    ImageHeader, format=texts, width=integers, height=integers, channels=integers, depth=integers, frames=integers
)
estimates = st.builds(
    Estimate, cpu_seconds=floats, cpu_seconds_upper=floats, parallel=floats, peak_bytes=integers,
    peak_bytes_upper=integers,
)  # fmt: skip
machines = st.sampled_from(["x86_64", "aarch64", "", "riscv64", _LONG])
billings = st.builds(Billed, seconds=floats, memory_mb=integers, vcpus=floats, machine=machines, tier=texts)
renditions = st.builds(
    Rendition, name=texts, format=st.sampled_from(ImageFormat), width=integers, height=integers, bytes=integers,
    sha256=texts, key=texts, url=texts, frames=integers,
)  # fmt: skip
sources = st.builds(
    Source, object=st.builds(ObjectRef, bucket=texts, key=texts), name=texts, bytes=st.none() | integers,
    sha256=st.none() | texts,
)  # fmt: skip
measured = st.dictionaries(texts | st.sampled_from(["sharpness", "perceptual-hash"]), floats | texts, max_size=3)


@st.composite
def extremes(draw: st.DrawFn) -> Result:
    """A result with extreme values, as it would be read back from the bucket."""
    failed = draw(st.booleans())
    drawn = result(
        image_id=str(uuid4()),
        run=draw(integers),
        customer=draw(st.sampled_from(["acme", "globex"])),
        pipeline=draw(texts),
        door=draw(st.sampled_from(Door)),
        route=draw(st.sampled_from(Route)),
        reason=draw(texts),
        status=Status.FAILED if failed else Status.PROCESSED,
        code=draw(st.sampled_from([Code.TOO_MANY_PIXELS, Code.UNKNOWN_PIPELINE])) if failed else None,
        message=draw(st.none() | texts),
        source=draw(sources),
        header=draw(st.none() | headers),
        renditions=tuple(draw(st.lists(renditions, max_size=3))),
        measurements=draw(measured),
        operations=draw(st.dictionaries(texts, texts, max_size=2)),
        estimate=draw(st.none() | estimates),
        usage=Usage(seconds=draw(floats), cpu_seconds=draw(floats), peak_bytes=draw(integers)),
        billed=draw(st.none() | billings),
        received_at=draw(times),
        committed_at=draw(times),
        version=draw(texts),
    )
    return stored_documents.decode_result(stored_documents.encode_result(drawn), drawn.key)


@pytest.fixture(scope="module")
def shared(postgres: Callable[[], str]) -> Iterator[tuple[PostgresLedger, psycopg.Connection[Any]]]:
    """One database for all examples, which see each other's rows."""
    url = postgres()
    ledger = PostgresLedger(url)
    ledger.migrate(30)
    with psycopg.connect(url) as connection:
        yield ledger, connection
    ledger.close()


def _sums(connection: psycopg.Connection[Any]) -> dict[str, list[Any]]:
    return {table: connection.execute(f"SELECT * FROM {table} ORDER BY {table}".encode()).fetchall() for table in SUMS}


def _count(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT count(*) FROM images").fetchone()
    connection.rollback()
    return int(row[0]) if row else 0


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(st.lists(extremes(), min_size=1, max_size=4))
def test_extreme_results_are_recorded_and_do_not_block_others(
    shared: tuple[PostgresLedger, psycopg.Connection[Any]], items: list[Result]
) -> None:
    """After each, an ordinary result of the same customer, day, door, route and pipeline is recorded too."""
    ledger, connection = shared
    before = _count(connection)
    ledger.record(items, [])
    for item in items:
        ordinary = result(
            customer=item.customer,
            pipeline=item.pipeline,
            door=item.door,
            route=item.route,
            committed_at=item.committed_at,
        )
        ledger.record([ordinary], [])
    assert _count(connection) == before + 2 * len(items)
    sums = _sums(connection)
    connection.execute("SELECT roll_up_anew()")
    assert _sums(connection) == sums
    connection.rollback()


def test_every_view_can_be_read_afterwards_and_every_image_has_a_price(
    shared: tuple[PostgresLedger, psycopg.Connection[Any]],
) -> None:
    _, connection = shared
    for view in VIEWS:
        connection.execute(f"SELECT count(v::text) FROM {view} v".encode())
    unpriced = connection.execute("SELECT count(*) FROM dollars WHERE total IS NULL").fetchone()
    assert unpriced == (0,)
    connection.rollback()


def test_tiny_files_that_claim_huge_dimensions_do_not_break_the_sums(
    shared: tuple[PostgresLedger, psycopg.Connection[Any]],
) -> None:
    """PNG headers can claim sides and frames of up to 2^31 - 1, QOI headers sides of up to 2^32 - 1."""
    ledger, connection = shared
    for side, frames in ((2**31 - 1, 1), (2**31 - 1, 1), (92_681, 1), (2**32 - 1, 1), (2**31 - 1, 2**31 - 1)):
        header = ImageHeader(format="png", width=side, height=side, channels=3, depth=8, frames=frames)
        failed = result(header=header, status=Status.FAILED, code=Code.TOO_MANY_PIXELS, renditions=())
        ledger.record([failed], [])
        row = connection.execute("SELECT width, frames FROM images WHERE image_id = %s", [failed.image_id]).fetchone()
        assert row == (side, frames)
    ordinary = ImageHeader(format="png", width=4000, height=3000, channels=3, depth=8)
    ledger.record([result(customer="victim", header=ordinary)], [])
    row = connection.execute("SELECT megapixels FROM customer_months WHERE customer = 'victim'").fetchone()
    assert row == (12,)
    connection.rollback()


def test_a_wait_of_decades_is_capped_in_the_sums(
    shared: tuple[PostgresLedger, psycopg.Connection[Any]],
) -> None:
    """A camera with an empty battery has its clock in 2000; the sums cap a wait at ten million seconds."""
    ledger, connection = shared
    ledger.record([result(customer="camera", received_at=datetime(2000, 1, 1, tzinfo=UTC)) for _ in range(3)], [])
    row = connection.execute("SELECT latency_seconds FROM customer_months WHERE customer = 'camera'").fetchone()
    assert row == (3e7,)
    connection.rollback()


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "failed"},
        {"code": "timed_out"},
        {"image_id": "not a uuid"},
        {"customer": "a/b"},
        {"customer": ""},
    ],
)
def test_an_invalid_result_is_refused_when_it_is_read(changes: dict[str, str]) -> None:
    """The error names the object's key and the field; the database would refuse its row."""
    body = msgspec.json.encode(msgspec.to_builtins(result()) | changes)
    with pytest.raises(Misconfigured, match=rf"^invalid_result: some/key is not a result: .*{next(iter(changes))}"):
        stored_documents.decode_result(body, "some/key")
