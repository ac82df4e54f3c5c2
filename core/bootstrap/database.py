"""Connections to the database, by a password or by IAM tokens. boto3 is not loaded."""

from core.adapters.aws.rds_token import RdsTokens
from core.adapters.postgres.connection import Database
from core.adapters.postgres.ledger import PostgresLedger
from core.bootstrap.credentials import as_misconfigured, session
from core.settings import entries


def ledger(values: entries.DatabaseSettings) -> PostgresLedger:
    return PostgresLedger(database(values))


def database(values: entries.DatabaseSettings) -> Database:
    """A connection that opens on first use, by DATABASE_URL's password or by IAM tokens."""
    if values.database_auth is entries.DatabaseAuth.URL:
        return Database(values.database_url, values.database_connect_seconds)
    with as_misconfigured():
        region = session().get_config_variable("region")
        tokens = RdsTokens(values.database_url, session().get_credentials(), region)
    return Database(values.database_url, values.database_connect_seconds, tokens)
