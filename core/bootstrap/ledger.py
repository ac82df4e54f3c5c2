"""The database alone: migrations, rows and reports. boto3 is not loaded."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from core.adapters.postgres.figures import PostgresFigures
from core.bootstrap.database import database, ledger
from core.services.reporting import ReportService
from core.settings import entries


def migrate(environ: Mapping[str, str]) -> list[str]:
    """Bring the database to this release's schema; returns the names of the migrations applied."""
    values = entries.load(entries.MigrateSettings, environ)
    with closing(ledger(values)) as migrated:
        return migrated.migrate(values.retention_days or None)


def image_row(environ: Mapping[str, str], image_id: str) -> dict[str, Any] | None:
    """The ledger's row of one image with its renditions, as JSON's plain values; None if there is none."""
    with closing(ledger(entries.load(entries.DatabaseSettings, environ))) as rows:
        return rows.find(image_id)


@contextmanager
def report_service(environ: Mapping[str, str]) -> Iterator[ReportService]:
    """The service of reports, with a connection of its own."""
    figures = PostgresFigures(database(entries.load(entries.DatabaseSettings, environ)))
    with closing(figures):
        yield ReportService(figures=figures)
