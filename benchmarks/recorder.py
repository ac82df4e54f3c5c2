"""Images per second that the recorder writes into PostgreSQL, compared with a bare COPY of the same rows.

`python -m benchmarks.recorder [--images N] [--batch N]`, without S3: the results are values in memory. The recorder's
transaction looks up existing rows, writes images and renditions, and updates the sums of days and months. COPY only
loads lines of text into tables with the same keys and indexes. The two take turns, batch by batch, so that other load
of the machine affects both. Exits with 1 if the ratio is below MIN_RATIO.
"""

import argparse
import random
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from core.adapters.postgres.ledger import PostgresLedger
from core.adapters.postgres.ledger_rows import image_row, rendition_rows, storable_json
from core.domain.errors import Code
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
from localcloud.postgres import PostgreSQL

_CUSTOMERS = 500
_NOW = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
_RENDITIONS = (("small", 480), ("medium", 960), ("large", 1440), ("huge", 2160))
#: Smallest ratio of the recorder's rate to COPY's.
MIN_RATIO = 0.2
Statements = list[tuple[sql.Composed, bytes]]


def results(count: int, seed: int = 1) -> list[Result]:
    """Results like those of the pipeline `web` within an hour: 500 customers, all doors, one in thirty failed."""
    rng = random.Random(seed)  # noqa: S311 - a benchmark needs no secure randomness
    return [_result(rng, number) for number in range(count)]


def _result(rng: random.Random, number: int) -> Result:
    image_id, customer = str(UUID(int=rng.getrandbits(128))), f"customer-{int(_CUSTOMERS * rng.random() ** 2):03d}"
    failed, at = number % 30 == 0, _NOW + timedelta(seconds=rng.random() * 3600)
    seconds = rng.lognormvariate(-1, 0.8)
    renditions = [] if failed else [_rendition(rng, customer, image_id, *shape) for shape in _RENDITIONS]
    return Result(
        image_id=image_id,
        run=0,
        token=image_id,
        customer=customer,
        pipeline="web",
        door=rng.choice((Door.UPLOAD, Door.KAFKA, Door.DIRECT)),
        route=Route.LAMBDA,
        reason="The image needs about 212 MB and 0.41 s on 1.7 vCPUs, which are available here.",
        status=Status.FAILED if failed else Status.PROCESSED,
        code=Code.CORRUPT_IMAGE if failed else None,
        message="The file ends in the middle of the picture." if failed else None,
        source=Source(
            object=ObjectRef(bucket="home", key=f"incoming/{customer}/web/{number}/picture-{number}.jpg", version="v1"),
            name=f"picture-{number}.jpg",
            bytes=rng.randrange(100_000, 8_000_000),
            sha256=f"{rng.getrandbits(256):064x}",
        ),
        header=ImageHeader(format="jpeg", width=4032, height=3024, channels=3, depth=8),
        renditions=tuple(renditions),
        measurements={} if failed else {"perceptual-hash": f"{rng.getrandbits(64):016x}", "sharpness": 214.3},
        estimate=Estimate(
            cpu_seconds=seconds,
            cpu_seconds_upper=2 * seconds,
            parallel=0.3,
            peak_bytes=2 << 27,
            peak_bytes_upper=3 << 27,
        ),
        usage=Usage(seconds=seconds, cpu_seconds=1.1 * seconds, peak_bytes=2 << 27),
        billed=Billed(seconds=seconds + 0.3, memory_mb=3008, vcpus=1.7, machine="x86_64"),
        received_at=at - timedelta(seconds=seconds + 1),
        committed_at=at,
        version="1.0.0",
    )


def _rendition(rng: random.Random, customer: str, image_id: str, name: str, width: int) -> Rendition:
    digest = f"{rng.getrandbits(256):064x}"
    key = f"processed/{customer}/{image_id}/{name}-{digest[:16]}.jpg"
    return Rendition(
        name=name,
        format=ImageFormat.JPEG,
        width=width,
        height=width * 3 // 4,
        bytes=rng.randrange(10_000, 600_000),
        sha256=digest,
        key=key,
        url=f"https://images.example/{key}",
    )


class Copy:
    """COPY of prepared text into tables with the columns, keys and indexes of the ledger's."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        connection.execute("CREATE TABLE bare_images (LIKE images INCLUDING ALL)")
        connection.execute(
            "CREATE TABLE bare_renditions "
            "(LIKE renditions INCLUDING ALL, FOREIGN KEY (image_id) REFERENCES bare_images ON DELETE CASCADE)"
        )
        connection.commit()

    def prepare(self, batch: Sequence[Result]) -> Statements:
        """The statements for `load`, each with its lines of text, which PostgreSQL renders."""
        images = [image_row(result) for result in batch]
        renditions = [row for result in batch for row in rendition_rows(result)]
        return [self._statement("images", images), self._statement("renditions", renditions)]

    def _statement(self, table: str, rows: list[dict[str, Any]]) -> tuple[sql.Composed, bytes]:
        name, copy_table = sql.Identifier(table), sql.Identifier(f"bare_{table}")
        columns = sql.SQL(", ").join(map(sql.Identifier, dict.fromkeys(column for row in rows for column in row)))
        render = sql.SQL("COPY (SELECT {} FROM jsonb_populate_recordset(NULL::{}, {})) TO STDOUT")
        statement = render.format(columns, name, sql.Literal(storable_json(rows)))
        with self._connection.transaction(), self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            lines = b"".join(bytes(line) for line in copy)
        return sql.SQL("COPY {} ({}) FROM STDIN").format(copy_table, columns), lines

    def load(self, statements: Statements) -> None:
        """Load all statements in one transaction, like the recorder."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            for statement, lines in statements:
                with cursor.copy(statement) as copy:
                    copy.write(lines)


def main() -> int:
    """Print both rates and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=500)
    options = parser.parse_args()
    taken = {"recorder": 0.0, "copy": 0.0}
    with PostgreSQL() as server:
        ledger = PostgresLedger(server.url)
        ledger.migrate()
        with psycopg.connect(server.url) as connection:
            bare, pending = Copy(connection), results(options.images)
            while pending:
                batch, pending = pending[: options.batch], pending[options.batch :]
                statements = bare.prepare(batch)
                started = time.perf_counter()
                bare.load(statements)
                copied = time.perf_counter()
                ledger.record(batch, [])
                taken["copy"] += copied - started
                taken["recorder"] += time.perf_counter() - copied
            counted = connection.execute(
                "SELECT (SELECT count(*) FROM images), (SELECT count(*) FROM bare_images), "
                "(SELECT count(*) FROM renditions), (SELECT count(*) FROM bare_renditions)"
            ).fetchone()
        ledger.close()
    rates = {name: options.images / seconds for name, seconds in taken.items()}
    print(f"{options.images:,} results with {len(_RENDITIONS)} renditions each, {options.batch} in a transaction")
    print(f"rows: images recorded and copied, renditions recorded and copied: {counted}")
    print(f"bare COPY      {rates['copy']:10,.0f} images per second")
    print(f"the recorder   {rates['recorder']:10,.0f} images per second")
    ratio = rates["recorder"] / rates["copy"]
    print(f"ratio          {ratio:10.2f}, at least {MIN_RATIO:.2f}")
    return int(ratio < MIN_RATIO)


if __name__ == "__main__":
    sys.exit(main())
