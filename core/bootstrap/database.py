"""Connections to the database, by a password or by IAM tokens. boto3 is not loaded."""

from importlib import import_module

from core.adapters.postgres.connection import Database
from core.adapters.postgres.ledger import PostgresLedger
from core.settings import entries


def ledger(values: entries.DatabaseSettings) -> PostgresLedger:
    return PostgresLedger(database(values))


def database(values: entries.DatabaseSettings) -> Database:
    """A connection that opens on first use, by DATABASE_URL's password or by IAM tokens."""
    if values.database_auth is entries.DatabaseAuth.URL:
        return Database(values.database_url, values.database_connect_seconds)
    tokens = import_module("core.bootstrap.rds_tokens").rds_tokens(values.database_url)
    return Database(values.database_url, values.database_connect_seconds, tokens)
