"""One connection to PostgreSQL: how it is made, and when it is made anew."""

import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

#: What a URL says itself is left as it is.
Parameters = dict[str, str]

#: Longer than this it lay idle in a function that AWS had frozen: whether it still leads anywhere takes longer to find
#: out than to make another. Shorter than what the server waits before it closes it, schema/roles.sql.
_IDLE_SECONDS = 30.0
#: How long what was sent may go without the other side's acknowledgement, in ms: a server that is gone says nothing.
_UNANSWERED_MS = 20_000


class Database:
    """Keeps one connection, and makes it anew when it broke or lay idle. For one thread at a time."""

    def __init__(
        self,
        url: str,
        connect_seconds: int = 60,
        secrets: Callable[[], Parameters] = dict,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`secrets` is asked at each connect: a password may be good for minutes only.

        The clock is the wall's: the others may stand still while a function is frozen.
        """
        self._url = url
        self._connect_seconds = connect_seconds
        self._secrets = secrets
        self._clock = clock
        self._connection: psycopg.Connection[Any] | None = None
        self._used = 0.0

    def connection(self) -> psycopg.Connection[Any]:
        """The connection, ready. Raises psycopg.OperationalError where none can be made in time."""
        now = self._clock()
        if self._connection and (self._connection.closed or not 0 <= now - self._used < _IDLE_SECONDS):
            self.hang_up()
        if self._connection is None:
            self._connection = psycopg.connect(self._url, **self._parameters())
        self._used = self._clock()
        return self._connection

    def rest(self) -> None:
        """From now on it lies idle: a transaction may have taken long."""
        self._used = self._clock()

    def hang_up(self) -> None:
        """Close what there is; the next one is made anew."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def _parameters(self) -> Any:  # noqa: ANN401 - libpq's parameters, which psycopg declares one by one
        own = {"connect_timeout": str(self._connect_seconds), "tcp_user_timeout": str(_UNANSWERED_MS)}
        said = conninfo_to_dict(self._url)
        return {name: value for name, value in {**own, **self._secrets()}.items() if name not in said}
