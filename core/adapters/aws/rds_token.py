"""Amazon RDS and Aurora by IAM: the password is a token, signed here and good for fifteen minutes; no call is made."""

import re
from importlib.resources import files
from typing import TYPE_CHECKING

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest

from core.adapters.postgres.connection import parsed
from core.domain.errors import Code, Misconfigured

if TYPE_CHECKING:
    from botocore.credentials import Credentials

#: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.html
_SECONDS = 900
_SERVICE = "rds-db"
_REGION = re.compile(r"\.([a-z]{2}(?:-[a-z]+)+-\d)\.rds\.amazonaws\.com(?:\.cn)?$")


class RdsTokens:
    """What a connection needs besides its URL. Called anew for each, it gives each a token of its own."""

    def __init__(self, url: str, credentials: "Credentials | None", region: str | None) -> None:
        """The region is what the host's name says, else `region`.

        Raises Misconfigured(INVALID_SETTINGS) that names what is missing.
        """
        said = parsed(url)
        self._host, self._user = said.get("host", ""), said.get("user", "")
        self._port = said.get("port") or "5432"
        found = _REGION.search(self._host)
        self._region = found[1] if found else region or ""
        if not self._host or not self._user or self._host.startswith("/") or "," in self._host:
            raise _wrong("DATABASE_URL is wrong: DATABASE_AUTH=iam needs one host and a user in it")
        if not self._region:
            raise _wrong("AWS_REGION is missing: DATABASE_AUTH=iam needs it where the host's name does not say it")
        if credentials is None:
            raise _wrong("There are no AWS credentials to sign with, which DATABASE_AUTH=iam needs")
        self._credentials = credentials

    def __call__(self) -> dict[str, str]:
        return {
            "password": self.token(),
            "sslmode": "verify-full",
            "sslrootcert": str(files("core.adapters.aws").joinpath("rds_ca.pem")),
        }

    def token(self) -> str:
        """A presigned URL without its scheme, as `aws rds generate-db-auth-token` prints it."""
        address = f"https://{self._host}:{self._port}/"
        request = AWSRequest("GET", address, params={"Action": "connect", "DBUser": self._user})
        signer = SigV4QueryAuth(self._credentials, _SERVICE, self._region, expires=_SECONDS)
        signer.add_auth(request)
        return str(request.url).removeprefix("https://")


def _wrong(sentence: str) -> Misconfigured:
    return Misconfigured(Code.INVALID_SETTINGS, sentence)
