"""psycopg's errors become the project's here, and nowhere else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg.errors import LockNotAvailable, UndefinedColumn, UndefinedFunction, UndefinedTable

from core.domain.errors import Code, Misconfigured, Unavailable

#: Errors that leave the connection unusable.
CONNECTION_ERRORS = (psycopg.OperationalError, psycopg.InterfaceError)


def first_line(error: psycopg.Error) -> str:
    """The server's message without its DETAIL and the statement: both may hold customers' values."""
    return str(error).partition("\n")[0].strip() or error_type(error)


def error_type(error: psycopg.Error) -> str:
    """The name of the error's class, for callers whose messages must not repeat any value."""
    return type(error).__name__


@contextmanager
def translate_errors(describe: Callable[[psycopg.Error], str] = first_line) -> Iterator[None]:
    """Run statements; `describe` makes the text of an error that the raised message repeats.

    Raises Unavailable(DATABASE_UNAVAILABLE) if a later attempt may succeed, Misconfigured(INVALID_RESULT) otherwise.
    """
    try:
        yield
    except LockNotAvailable as error:
        message = (
            "Another database session held a lock for too long; pg_blocking_pids names that session. "
            "Nothing was written; try again."
        )
        raise Unavailable(Code.DATABASE_UNAVAILABLE, message) from error
    except CONNECTION_ERRORS as error:
        raise Unavailable(Code.DATABASE_UNAVAILABLE, f"The database was not reached: {describe(error)}") from error
    except (UndefinedTable, UndefinedColumn, UndefinedFunction) as error:
        message = f"The database has not this release's tables: {describe(error)}. Run `pictureperfect migrate`."
        raise Misconfigured(Code.INVALID_RESULT, message) from error
    except psycopg.Error as error:
        message = f"The database refused a statement: {describe(error)}. Are all migrations applied?"
        raise Misconfigured(Code.INVALID_RESULT, message) from error
