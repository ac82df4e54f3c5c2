"""A generated year in a database, filled once for all who count in it.

10,000 images of 500 customers; `make test-year` says YEAR_IMAGES=1000000.
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
    """Nobody changes what is in it."""
    url = postgres()
    ledger = PostgresLedger(url)
    ledger.migrate(RETENTION_DAYS)
    ledger.close()
    with psycopg.connect(url) as connection:
        ledger_year.fill(connection, year)
        # Dollars stay what they are; the month is priced by its days, as it is whenever prices change within one
        for since in (ledger_year.FIRST_DAY, ledger_year.PRICES_CHANGE):
            same = msgspec.structs.replace(prices.load(), date=since.isoformat())
            connection.cursor().executemany("INSERT INTO prices VALUES (%s, %s, %s, %s, %s, %s)", price_rows([same]))
    return url
