"""Presigned URLs and forms for S3, by botocore's signers without a client: loading boto3 takes half a second.

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
#: A GET link stays the same for this long, so that browsers can cache the image; it is valid for twice as long.
_STEADY_SECONDS = 900
_READ_SECONDS = 1800
_SERVICE = "s3"


class S3Links:
    """The Links port for one bucket. Calls `credentials` for each signature, since they may have been refreshed."""

    def __init__(self, credentials: Callable[[], "Credentials"], region: str, bucket: str, address: str) -> None:
        """`address`: the bucket's URL without a final slash, `https://bucket.s3.region.amazonaws.com`."""
        self._credentials = credentials
        self._region = region
        self._bucket = bucket
        self._address = address
        # A path-style host serves all buckets, so the policy must name the path: https://www.w3.org/TR/CSP3/#match-paths
        self.csp_source = f"{address}/" if urlsplit(address).path else address

    def form(self, key: str, media_type: str, size: int) -> Form:
        fields = {"key": key, "Content-Type": media_type, "success_action_status": "201"}
        conditions = [{"bucket": self._bucket}, *({name: value} for name, value in fields.items())]
        request = AWSRequest("POST", f"{self._address}/")
        expires = datetime.now(UTC) + timedelta(seconds=_UPLOAD_SECONDS)
        request.context["s3-presign-post-fields"] = fields
        request.context["s3-presign-post-policy"] = {
            "expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "conditions": [*conditions, ["content-length-range", size, size]],
        }
        S3SigV4PostAuth(self._credentials(), _SERVICE, self._region).add_auth(request)
        return Form(url=f"{self._address}/", fields=request.context["s3-presign-post-fields"])

    def part(self, key: str, upload_id: str, number: int, size: int) -> str:
        request = self._request("PUT", key, {"partNumber": str(number), "uploadId": upload_id})
        request.headers["Content-Length"] = str(size)  # signed, so S3 enforces it
        S3SigV4QueryAuth(self._credentials(), _SERVICE, self._region, _UPLOAD_SECONDS).add_auth(request)
        return str(request.url)

    def get(self, key: str, media_type: str, save_as: str = "") -> str:
        # Overrides the stored type: an object can only be shown as the image that it is
        query = {"response-content-type": media_type}
        if save_as:
            query["response-content-disposition"] = f"attachment; filename*=UTF-8''{quote(save_as, safe='')}"
        request = self._request("GET", key, query)
        _SteadyQueryAuth(self._credentials(), _SERVICE, self._region, _READ_SECONDS).add_auth(request)
        return str(request.url)

    def _request(self, method: str, key: str, query: dict[str, str]) -> AWSRequest:
        return AWSRequest(method, f"{self._address}/{quote(key, safe='/~')}?{urlencode(query, quote_via=quote)}")


class _SteadyQueryAuth(S3SigV4QueryAuth):
    """Signs with the time of the last full quarter of an hour."""

    def _modify_request_before_signing(self, request: Any) -> None:  # noqa: ANN401 - botocore declares none
        now = datetime.strptime(request.context["timestamp"], SIGV4_TIMESTAMP).replace(tzinfo=UTC)
        steady = datetime.fromtimestamp(now.timestamp() // _STEADY_SECONDS * _STEADY_SECONDS, UTC)
        request.context["timestamp"] = steady.strftime(SIGV4_TIMESTAMP)
        super()._modify_request_before_signing(request)  # type: ignore[misc]


def address(bucket: str, region: str, endpoint: str = "") -> str:
    """The URL of a bucket. `endpoint` replaces AWS's own; the bucket is then in the path.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    """
    if endpoint:
        return f"{endpoint.rstrip('/')}/{bucket}"
    host = f"s3.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"
    # The wildcard certificate *.s3… does not cover bucket names with dots
    return f"https://{host}/{bucket}" if "." in bucket else f"https://{bucket}.{host}"
