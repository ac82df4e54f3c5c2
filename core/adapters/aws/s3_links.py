"""Links to S3, signed by botocore's own signers without a client: half a second that a page should not wait for.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from botocore.auth import SIGV4_TIMESTAMP, S3SigV4PostAuth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest

from core.ports.web import Form

if TYPE_CHECKING:
    from botocore.credentials import Credentials

_UPLOAD_SECONDS = 900
#: A link to read is the same for a quarter of an hour, so that a browser need not fetch it again; good for twice that.
_STEADY_SECONDS = 900
_READ_SECONDS = 1800
_SERVICE = "s3"


class S3Links:
    """Signs for one bucket. Credentials are asked for anew each time: they may have been refreshed."""

    def __init__(self, credentials: Callable[[], "Credentials"], region: str, bucket: str, address: str) -> None:
        """`address` is the bucket's, without a slash at the end: `https://bucket.s3.region.amazonaws.com`."""
        self._credentials = credentials
        self._region = region
        self._bucket = bucket
        self._address = address
        # Where the bucket is in the path, the host is everybody's: https://www.w3.org/TR/CSP3/#match-paths
        self.csp_source = f"{address}/" if urlsplit(address).path else address

    def form(self, key: str, media_type: str, size: int) -> Form:
        fields = {"key": key, "Content-Type": media_type, "success_action_status": "201"}
        held = [{"bucket": self._bucket}, *({name: value} for name, value in fields.items())]
        request = AWSRequest("POST", f"{self._address}/")
        expires = datetime.now(UTC) + timedelta(seconds=_UPLOAD_SECONDS)
        request.context["s3-presign-post-fields"] = fields
        request.context["s3-presign-post-policy"] = {
            "expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "conditions": [*held, ["content-length-range", size, size]],
        }
        S3SigV4PostAuth(self._credentials(), _SERVICE, self._region).add_auth(request)
        return Form(url=f"{self._address}/", fields=request.context["s3-presign-post-fields"])

    def part(self, key: str, upload_id: str, number: int, size: int) -> str:
        request = self._request("PUT", key, {"partNumber": str(number), "uploadId": upload_id})
        request.headers["Content-Length"] = str(size)  # signed, so that it is held to
        S3SigV4QueryAuth(self._credentials(), _SERVICE, self._region, _UPLOAD_SECONDS).add_auth(request)
        return str(request.url)

    def get(self, key: str, media_type: str, save_as: str = "") -> str:
        # Not what was said when it was stored: a browser shows it as the image that it is, or not at all
        said = {"response-content-type": media_type}
        if save_as:
            said["response-content-disposition"] = f"attachment; filename*=UTF-8''{quote(save_as, safe='')}"
        request = self._request("GET", key, said)
        _SteadyQueryAuth(self._credentials(), _SERVICE, self._region, _READ_SECONDS).add_auth(request)
        return str(request.url)

    def _request(self, method: str, key: str, query: dict[str, str]) -> AWSRequest:
        return AWSRequest(method, f"{self._address}/{quote(key, safe='/~')}?{urlencode(query, quote_via=quote)}")


class _SteadyQueryAuth(S3SigV4QueryAuth):
    """Signs as of the last full quarter of an hour."""

    def _modify_request_before_signing(self, request: Any) -> None:  # noqa: ANN401 - botocore declares none
        now = datetime.strptime(request.context["timestamp"], SIGV4_TIMESTAMP).replace(tzinfo=UTC)
        steady = datetime.fromtimestamp(now.timestamp() // _STEADY_SECONDS * _STEADY_SECONDS, UTC)
        request.context["timestamp"] = steady.strftime(SIGV4_TIMESTAMP)
        super()._modify_request_before_signing(request)  # type: ignore[misc]


def address(bucket: str, region: str, endpoint: str = "") -> str:
    """Where a bucket is; `endpoint` is one that stands for AWS's own, without the bucket in its host.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    """
    if endpoint:
        return f"{endpoint.rstrip('/')}/{bucket}"
    host = f"s3.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"
    # A certificate for *.s3… is for no name with more dots
    return f"https://{host}/{bucket}" if "." in bucket else f"https://{bucket}.{host}"
