"""A database with a generated year of images, filled once for all tests that count in it.

It has 10,000 images of 500 customers; `make test-year` sets YEAR_IMAGES=1000000.
"""

import os
from collections.abc import Callable

import msgspec
import psycopg
import pytest

from core.adapters.postgres.ledger import PostgresLedger
from core.adapters.postgres.ledger_rows import price_rows
from core.routing import prices
from tests.support.grafana.counts import RETENTION_DAYS
from tests.support.ledger import year as ledger_year
from tests.support.ledger.year import Year

IMAGES = int(os.environ.get("YEAR_IMAGES", "10000"))
CUSTOMERS = 500


@pytest.fixture(scope="session")
def year() -> Year:
    return ledger_year.draw(IMAGES, CUSTOMERS)


@pytest.fixture(scope="session")
def year_url(postgres: Callable[[], str], year: Year) -> str:
    """The URL of the filled database. Tests only read it."""
    url = postgres()
    ledger = PostgresLedger(url)
    ledger.migrate(RETENTION_DAYS)
    ledger.close()
    with psycopg.connect(url) as connection:
        ledger_year.fill(connection, year)
        # The same prices twice: dollars do not change, but the month of the change is priced day by day
        for since in (ledger_year.FIRST_DAY, ledger_year.PRICES_CHANGE):
            price_file = msgspec.structs.replace(prices.load(), date=since.isoformat())
            connection.cursor().executemany(
                "INSERT INTO prices VALUES (%s, %s, %s, %s, %s, %s)", price_rows([price_file])
            )
    return url
