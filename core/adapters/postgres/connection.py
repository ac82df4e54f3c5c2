"""One connection to PostgreSQL: how it is made, and when it is made anew."""

import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from core.domain.errors import Code, Misconfigured

#: What a URL says itself is left as it is.
Parameters = dict[str, str]

#: Longer than this it lay idle in a function that AWS had frozen: whether it still leads anywhere takes longer to find
#: out than to make another. Shorter than what the server waits before it closes it, schema/roles.sql.
_IDLE_SECONDS = 30.0
#: How long what was sent may go without the other side's acknowledgement, in ms: a server that is gone says nothing.
_UNANSWERED_MS = 20_000
_PORTS = range(1, 65_536)
_TLS = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


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
        Raises Misconfigured(INVALID_SETTINGS) of a URL that can lead nowhere.
        """
        self._url = url
        self._said = parsed(url)
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
        return {name: value for name, value in {**own, **self._secrets()}.items() if name not in self._said}


def parsed(url: str) -> dict[str, str]:
    """What a connection URI says. Raises Misconfigured(INVALID_SETTINGS) without a word of it: it may hold a password.

    libpq looks at some of it only when it connects, and then says the same as of a server that is away.
    """
    try:
        said = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except psycopg.ProgrammingError:
        raise _wrong(
            "it is no connection URI, postgresql://user@host/name; a blank in it is %20, a percent sign %25"
        ) from None  # its text repeats the URL
    ports = [port for port in said.get("port", "").split(",") if port]
    if not all(port.isascii() and port.isdecimal() and int(port[:6]) in _PORTS for port in ports):
        raise _wrong("its port is no number from 1 to 65535")
    if said.get("sslmode", "prefer") not in _TLS:
        raise _wrong(f"its sslmode is none of {', '.join(_TLS)}")
    if not said.get("connect_timeout", "0").removeprefix("-").isdecimal():
        raise _wrong("its connect_timeout is no whole number")
    return said


def _wrong(sentence: str) -> Misconfigured:
    return Misconfigured(Code.INVALID_SETTINGS, f"DATABASE_URL is wrong: {sentence}")
