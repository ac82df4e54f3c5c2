"""IAM authentication to Amazon RDS and Aurora: the password is a token, signed locally and valid for 15 minutes."""

import re
from importlib.resources import files
from typing import TYPE_CHECKING

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest

from core.adapters.postgres.connection import parse_url
from core.domain.errors import Code, Misconfigured

if TYPE_CHECKING:
    from botocore.credentials import Credentials

#: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.html
_SECONDS = 900
_SERVICE = "rds-db"
_REGION = re.compile(r"\.([a-z]{2}(?:-[a-z]+)+-\d)\.rds\.amazonaws\.com(?:\.cn)?$")


class RdsTokens:
    """Makes the connection parameters that the URL lacks; each call signs a new token."""

    def __init__(self, url: str, credentials: "Credentials | None", region: str | None) -> None:
        """`region` is used if the host name contains none.

        Raises Misconfigured(INVALID_SETTINGS) that names the missing part.
        """
        parameters = parse_url(url)
        self._host, self._user = parameters.get("host", ""), parameters.get("user", "")
        self._port = parameters.get("port") or "5432"
        match = _REGION.search(self._host)
        self._region = match[1] if match else region or ""
        if not self._host or not self._user or self._host.startswith("/") or "," in self._host:
            raise _invalid_settings("DATABASE_URL is wrong: DATABASE_AUTH=iam needs one host and a user in it")
        if not self._region:
            raise _invalid_settings("AWS_REGION is missing: DATABASE_AUTH=iam needs it if the host names no region")
        if credentials is None:
            raise _invalid_settings("AWS credentials are missing: DATABASE_AUTH=iam signs tokens with them")
        self._credentials = credentials

    def __call__(self) -> dict[str, str]:
        return {
            "password": self.token(),
            "sslmode": "verify-full",
            "sslrootcert": str(files("core.adapters.aws").joinpath("rds_ca.pem")),
        }

    def token(self) -> str:
        """The token: a presigned URL without its scheme, as `aws rds generate-db-auth-token` prints it."""
        endpoint = f"https://{self._host}:{self._port}/"
        request = AWSRequest("GET", endpoint, params={"Action": "connect", "DBUser": self._user})
        signer = SigV4QueryAuth(self._credentials, _SERVICE, self._region, expires=_SECONDS)
        signer.add_auth(request)
        return str(request.url).removeprefix("https://")


def _invalid_settings(message: str) -> Misconfigured:
    return Misconfigured(Code.INVALID_SETTINGS, message)
