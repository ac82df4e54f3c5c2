"""One connection to PostgreSQL: its parameters, its reuse, its transactions."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from core.adapters.postgres.errors import CONNECTION_ERRORS, first_line, translate_errors
from core.domain.errors import Code, Misconfigured

#: libpq's connection parameters by name. Those in the URL win.
Parameters = dict[str, str]

#: A connection that idled for longer is replaced: AWS may have frozen the function, and testing the connection takes
#: longer than making one. Shorter than idle_session_timeout in schema/roles.sql.
_IDLE_SECONDS = 30.0
#: tcp_user_timeout: a server that is gone never answers, so unacknowledged data ends the connection.
_UNANSWERED_MS = 20_000
_PORTS = range(1, 65_536)
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


class Database:
    """Keeps one connection and replaces it when it broke or idled. For one thread at a time."""

    def __init__(
        self,
        url: str,
        connect_seconds: int = 60,
        secrets: Callable[[], Parameters] = dict,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`secrets` is called for each new connection, since IAM tokens expire after minutes.

        `clock` is wall-clock time in seconds: a monotonic clock may stand still while Lambda freezes the function.
        Raises Misconfigured(INVALID_SETTINGS) if the URL is malformed.
        """
        self._url = url
        self._url_parameters = parse_url(url)
        self._connect_seconds = connect_seconds
        self._secrets = secrets
        self._clock = clock
        self._connection: psycopg.Connection[Any] | None = None
        self._last_used = 0.0

    @contextmanager
    def transaction(self, describe: Callable[[psycopg.Error], str] = first_line) -> Iterator[psycopg.Connection[Any]]:
        """The connection within one transaction. Raises as `translate_errors` does; `describe` is passed on to it."""
        with translate_errors(describe):
            try:
                connection = self._connected()
                with connection.transaction():
                    yield connection
            except CONNECTION_ERRORS:
                self.close()
                raise
        self._last_used = self._clock()

    def close(self) -> None:
        """Close the connection, if there is one; the next transaction opens another."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def _connected(self) -> psycopg.Connection[Any]:
        idle_seconds = self._clock() - self._last_used
        if self._connection and (self._connection.closed or not 0 <= idle_seconds < _IDLE_SECONDS):
            self.close()
        if self._connection is None:
            self._connection = psycopg.connect(self._url, **self._parameters())
        self._last_used = self._clock()
        return self._connection

    def _parameters(self) -> Any:  # noqa: ANN401 - libpq's parameters, which psycopg declares one by one
        defaults = {"connect_timeout": str(self._connect_seconds), "tcp_user_timeout": str(_UNANSWERED_MS)}
        parameters = {**defaults, **self._secrets()}
        return {name: value for name, value in parameters.items() if name not in self._url_parameters}


def parse_url(url: str) -> Parameters:
    """The parameters in a connection URI.

    Checks port, sslmode and connect_timeout too: libpq reads them only on connect, and then reports them as it
    reports an unreachable server. Raises Misconfigured(INVALID_SETTINGS) without repeating the URL, which may hold a
    password.
    """
    try:
        parameters = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except psycopg.ProgrammingError:
        raise _invalid_url(
            "it is no connection URI, postgresql://user@host/name; a blank in it is %20, a percent sign %25"
        ) from None  # the error's text repeats the URL
    ports = [port for port in parameters.get("port", "").split(",") if port]
    if not all(port.isascii() and port.isdecimal() and int(port[:6]) in _PORTS for port in ports):
        raise _invalid_url("its port is no number from 1 to 65535")
    if parameters.get("sslmode", "prefer") not in _SSL_MODES:
        raise _invalid_url(f"its sslmode is none of {', '.join(_SSL_MODES)}")
    if not parameters.get("connect_timeout", "0").removeprefix("-").isdecimal():
        raise _invalid_url("its connect_timeout is no whole number")
    return parameters


def _invalid_url(reason: str) -> Misconfigured:
    return Misconfigured(Code.INVALID_SETTINGS, f"DATABASE_URL is wrong: {reason}")
