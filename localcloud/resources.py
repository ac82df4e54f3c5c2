"""What lies in the embedded account before the first image comes: the queues, and the bucket that notifies them."""

import json
from typing import TYPE_CHECKING
from urllib.request import ProxyHandler, Request, build_opener

from localcloud import clients

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CORSRuleTypeDef
    from mypy_boto3_sqs import SQSClient

BUCKET = "pictures"
_DAY = 86_400
#: Hundreds of receives, so that a database may be down for long.
_RECORDS_RECEIVES = 1000
#: What waits for a bad deployment to be mended does so for a day, at six times the function's time-out a receive.
_OVERFLOW_RECEIVES = 300


def reset(endpoint: str) -> None:
    """Empty moto: its state belongs to the process and not to the server."""
    request = Request(f"{endpoint}/moto-api/reset", method="POST")  # noqa: S310 - our own server
    build_opener(ProxyHandler({})).open(request, timeout=30).close()


def bucket_name(deployment: str) -> str:
    """As infra/constructs/bucket.py calls it in a deployment of that name; where there is none, `pictures`."""
    return f"{deployment}-pictures-{clients.ACCOUNT}-{clients.REGION}" if deployment else BUCKET


def queues(sqs: "SQSClient", visibility: float, deployment: str = "") -> dict[str, str]:
    """Queue URLs by name, with the visibility AWS asks for: six times the function's time-out.

    With a deployment's name before their own they are called as infra/constructs/queues.py calls them.
    """
    before = f"{deployment}-" if deployment else ""
    retention = {"MessageRetentionPeriod": str(14 * _DAY)}
    urls = {"incoming": _queue(sqs, f"{before}incoming", {**retention, "VisibilityTimeout": "60"})}
    for name, receives in (("records", _RECORDS_RECEIVES), ("overflow", _OVERFLOW_RECEIVES)):
        dead = urls[f"{name}-dead-letters"] = _queue(sqs, f"{before}{name}-dead-letters", retention)
        redrive = {"deadLetterTargetArn": clients.queue_arn(sqs, dead), "maxReceiveCount": str(receives)}
        attributes = {"VisibilityTimeout": str(int(visibility)), "RedrivePolicy": json.dumps(redrive)}
        urls[name] = _queue(sqs, f"{before}{name}", {**retention, **attributes})
    return urls


def _queue(sqs: "SQSClient", name: str, attributes: dict[str, str]) -> str:
    return sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]  # type: ignore[arg-type]


def bucket(endpoint: str, urls: dict[str, str], name: str = BUCKET) -> None:
    """A bucket with versions that notifies: the function of what comes in, the recorder of commits and deletions.

    The dispatcher hears of failure documents, by the overflow queue.
    """
    s3, sqs = clients.s3(endpoint), clients.sqs(endpoint)
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [_PAGE]})
    notify(s3, sqs, urls, name)


#: Browsers send pictures from the page to the bucket, and read them there.
_PAGE: "CORSRuleTypeDef" = {
    "AllowedMethods": ["POST", "PUT", "GET"],
    "AllowedOrigins": ["*"],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": ["ETag"],
    "MaxAgeSeconds": 3000,
}


def notify(s3: "S3Client", sqs: "SQSClient", urls: dict[str, str], name: str = BUCKET) -> None:
    """Have the bucket tell the queues."""
    targets = (
        ("incoming/", "incoming"),
        ("results/", "records"),
        ("tombstones/", "records"),
        ("failures/", "overflow"),
        ("aws/lambda/", "overflow"),
    )
    s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration={
            "QueueConfigurations": [
                {
                    "Id": prefix.strip("/").replace("/", "-"),
                    "QueueArn": clients.queue_arn(sqs, urls[queue]),
                    "Events": ["s3:ObjectCreated:*"],
                    "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
                }
                for prefix, queue in targets
            ]
        },
    )
