"""A wrong DATABASE_URL is told when an entry is loaded, once, and in no word of what it says."""

import pytest

from core.adapters.postgres.connection import Database
from core.bootstrap import ledger, record, web
from core.domain.errors import Code, Misconfigured

NO_URI = "it is no connection URI, postgresql://user@host/name; a blank in it is %20, a percent sign %25"
WRONG = {
    "a space in the password": ("postgresql://user:p ssword-secret@secret-host/db", NO_URI),
    "a parameter that is none": ("postgresql://user@secret-host/db?secret=1", NO_URI),
    "a percent sign that is none": ("postgresql://user:secret%zz@host/db", NO_URI),
    "a bracket without end": ("postgresql://user:secret@[::1/db", NO_URI),
    "a port in words": ("postgresql://user:secret@host:secret/db", "its port is no number from 1 to 65535"),
    "a port too high": ("postgresql://user:secret@host:70000/db", "its port is no number from 1 to 65535"),
    "a port of two that is wrong": ("postgresql://user:secret@a:5432,b:x/db", "its port is no number from 1 to 65535"),
    "a password that has a slash": ("postgresql://user:sec/ret@host/db", "its port is no number from 1 to 65535"),
    "a mode of TLS that is none": (
        "postgresql://user:secret@host/db?sslmode=secret",
        "its sslmode is none of disable, allow, prefer, require, verify-ca, verify-full",
    ),
    "a time in words": (
        "postgresql://user:secret@host/db?connect_timeout=secret",
        "its connect_timeout is no whole number",
    ),
}


@pytest.mark.parametrize(("url", "sentence"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("auth", ["url", "iam"])
def test_it_is_told_at_load_and_no_part_of_it_is_shown(url: str, sentence: str, auth: str) -> None:
    environ = {"BUCKET": "pictures", "DATABASE_URL": url, "DATABASE_AUTH": auth, "AWS_REGION": "eu-west-1"}
    for load in (web.web_services, record.recorder, ledger.migrate):
        with pytest.raises(Misconfigured) as caught:
            load(environ)
        assert caught.value.code is Code.INVALID_SETTINGS
        assert caught.value.message == f"DATABASE_URL is wrong: {sentence}"
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://",
        "postgresql:///db?host=/tmp/socket",
        "postgres://user:p%20ss@host:5432/db?sslmode=verify-full&connect_timeout=5",
        "postgresql://user@a:5432,b:5433/db?target_session_attrs=read-write",
        "postgresql://user@a,b/db",
        "postgresql://user@[::1]:5432/db",
    ],
)
def test_what_libpq_takes_is_taken(url: str) -> None:
    Database(url)
