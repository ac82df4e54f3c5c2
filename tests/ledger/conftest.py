"""A generated year in a database, filled once for all who count in it.

10,000 images of 500 customers; `make test-year` says YEAR_IMAGES=1000000.
"""

import os
from collections.abc import Callable

import msgspec
import psycopg
import pytest

from core import prices
from core.adapters.ledger_rows import price_rows
from core.adapters.postgres import PostgresLedger
from tests import ledger_year
from tests.grafana_counts import RETENTION_DAYS
from tests.ledger_year import Year

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
