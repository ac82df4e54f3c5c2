"""IAM tokens for the database. This module loads botocore's session, so it is imported for DATABASE_AUTH=iam only."""

from core.adapters.aws.rds_token import RdsTokens
from core.bootstrap.credentials import as_misconfigured, session


def rds_tokens(database_url: str) -> RdsTokens:
    """Signs tokens for the user and host of `database_url`. Raises Misconfigured(INVALID_SETTINGS)."""
    with as_misconfigured():
        region = session().get_config_variable("region")
        return RdsTokens(database_url, session().get_credentials(), region)
