"""The ledger: the company's PostgreSQL database."""

from collections.abc import Sequence
from typing import Protocol

from core.domain.model import Result, Tombstone


class Ledger(Protocol):
    """Records results. Raises Unavailable(DATABASE_UNAVAILABLE) if the database cannot be reached."""

    def record(self, results: Sequence[Result], tombstones: Sequence[Tombstone]) -> frozenset[str]:
        """Upsert all of them in one transaction; recording the same twice changes nothing.

        An image shows its highest run; a tombstone wins over any run. Returns the ids of the given images that are
        erased, that is, have a tombstone of their own customer. Raises Misconfigured(INVALID_RESULT) if the database
        refuses a row.
        """
