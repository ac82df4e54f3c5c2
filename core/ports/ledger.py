"""The ledger: the company's PostgreSQL database."""

from collections.abc import Sequence
from typing import Protocol

from core.domain.model import (
    Result,
    Tombstone,
)


class Ledger(Protocol):
    """The company's database. Raises `Unavailable(DATABASE_UNAVAILABLE)` when it cannot be reached."""

    def record(self, results: Sequence[Result], tombstones: Sequence[Tombstone]) -> frozenset[str]:
        """Upsert all of it in one transaction: the highest run shows, a tombstone wins, again is nothing.

        Returns the ids among them that are erased: a tombstone of the image's own customer covers them.
        Raises Misconfigured(INVALID_RESULT) when the database refuses a row.
        """
