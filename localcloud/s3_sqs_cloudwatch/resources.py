"""The account's resources: the queues, and the bucket whose notifications go to them."""

import json
from typing import TYPE_CHECKING

from localcloud import clients

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CORSRuleTypeDef
    from mypy_boto3_sqs import SQSClient

BUCKET = "pictures"
_DAY = 86_400
#: maxReceiveCount of the records queue: hundreds, so that the database may be down for long.
_RECORDS_RECEIVES = 1000
#: maxReceiveCount of the overflow queue: with six time-outs between receives, a bad deployment may last a day.
_OVERFLOW_RECEIVES = 300
#: The page's browsers upload to the bucket and read from it.
_CORS: "CORSRuleTypeDef" = {
    "AllowedMethods": ["POST", "PUT", "GET"],
    "AllowedOrigins": ["*"],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": ["ETag"],
    "MaxAgeSeconds": 3000,
}


def bucket_name(deployment: str) -> str:
    """The name that infra/constructs/bucket.py gives the bucket of a deployment; `pictures` without a deployment."""
    return f"{deployment}-pictures-{clients.ACCOUNT}-{clients.REGION}" if deployment else BUCKET


def create_queues(sqs: "SQSClient", visibility: float, deployment: str = "") -> dict[str, str]:
    """Queue URLs by name. With a deployment, queues are named as in infra/constructs/queues.py.

    `visibility` is in seconds; AWS recommends six times the function's time-out.
    """
    prefix = f"{deployment}-" if deployment else ""
    retention = {"MessageRetentionPeriod": str(14 * _DAY)}
    urls = {"incoming": _create_queue(sqs, f"{prefix}incoming", {**retention, "VisibilityTimeout": "60"})}
    for name, receives in (("records", _RECORDS_RECEIVES), ("overflow", _OVERFLOW_RECEIVES)):
        dead = urls[f"{name}-dead-letters"] = _create_queue(sqs, f"{prefix}{name}-dead-letters", retention)
        redrive = {"deadLetterTargetArn": clients.queue_arn(sqs, dead), "maxReceiveCount": str(receives)}
        attributes = {"VisibilityTimeout": str(int(visibility)), "RedrivePolicy": json.dumps(redrive)}
        urls[name] = _create_queue(sqs, f"{prefix}{name}", {**retention, **attributes})
    return urls


def _create_queue(sqs: "SQSClient", name: str, attributes: dict[str, str]) -> str:
    return sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]  # type: ignore[arg-type]


def create_bucket(endpoint: str, queue_urls: dict[str, str], name: str = BUCKET) -> None:
    """Create the versioned bucket, with its notifications."""
    s3, sqs = clients.s3(endpoint), clients.sqs(endpoint)
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [_CORS]})
    add_notifications(s3, sqs, queue_urls, name)


def add_notifications(s3: "S3Client", sqs: "SQSClient", queue_urls: dict[str, str], bucket: str = BUCKET) -> None:
    """Notify the queues of new objects, by prefix, as infra does.

    Uploads go to `incoming`, commits and deletions to `records`, failure documents to `overflow`.
    """
    targets = (
        ("incoming/", "incoming"),
        ("results/", "records"),
        ("tombstones/", "records"),
        ("failures/", "overflow"),
        ("aws/lambda/", "overflow"),
    )
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [
                {
                    "Id": prefix.strip("/").replace("/", "-"),
                    "QueueArn": clients.queue_arn(sqs, queue_urls[queue]),
                    "Events": ["s3:ObjectCreated:*"],
                    "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
                }
                for prefix, queue in targets
            ]
        },
    )
