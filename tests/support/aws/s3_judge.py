"""S3's checks of signed forms and URLs, which moto does not make.

Written from AWS's documentation, without botocore, since botocore made the signatures.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

#: Fields of the form that no condition needs to name.
_FREE = {"policy", "x-amz-signature", "file"}
DENIED, CREATED, FINE, INVALID_SIZE = 403, 201, 200, 400


def judge_form(secret: str, bucket: str, fields: Mapping[str, str], size: int, now: datetime | None = None) -> int:
    """The HTTP status of a posted form with these fields and a file of `size` bytes."""
    form = {name.lower(): value for name, value in fields.items()}
    policy: dict[str, Any] = json.loads(base64.b64decode(form["policy"]))
    day, region, service = form["x-amz-credential"].split("/")[1:4]
    if not hmac.compare_digest(_sign(secret, day, region, service, form["policy"]), form["x-amz-signature"]):
        return DENIED
    if datetime.fromisoformat(policy["expiration"]) < (now or datetime.now(UTC)):
        return DENIED
    named = {"bucket"}
    for condition in policy["conditions"]:
        if isinstance(condition, list) and condition[0] == "content-length-range":
            if not condition[1] <= size <= condition[2]:
                return INVALID_SIZE
            continue
        ((name, value),) = condition.items()
        named.add(name.lower())
        if ({**form, "bucket": bucket}).get(name.lower()) != value:
            return DENIED
    return CREATED if set(form) - _FREE <= named else DENIED


def judge_url(secret: str, method: str, url: str, headers: Mapping[str, str], now: datetime | None = None) -> int:
    """The status of a request by a presigned URL."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    parameters = dict(query)
    day, region, service = parameters["X-Amz-Credential"].split("/")[1:4]
    made = datetime.strptime(parameters["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if (now or datetime.now(UTC)) > made + timedelta(seconds=int(parameters["X-Amz-Expires"])):
        return DENIED
    sent = {**{name.lower(): value for name, value in headers.items()}, "host": parts.netloc}
    names = parameters["X-Amz-SignedHeaders"].split(";")
    canonical = "\n".join(
        [
            method,
            quote(unquote(parts.path), safe="/-_.~"),
            "&".join(
                f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
                for name, value in sorted(query)
                if name != "X-Amz-Signature"
            ),
            *(f"{name}:{sent.get(name, '')}" for name in names),
            "",
            ";".join(names),
            "UNSIGNED-PAYLOAD",
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", parameters["X-Amz-Date"], f"{day}/{region}/{service}/aws4_request", digest])
    return (
        FINE
        if hmac.compare_digest(_sign(secret, day, region, service, text), parameters["X-Amz-Signature"])
        else DENIED
    )


def _sign(secret: str, day: str, region: str, service: str, text: str) -> str:
    key = f"AWS4{secret}".encode()
    for step in (day, region, service, "aws4_request"):
        key = hmac.digest(key, step.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()
