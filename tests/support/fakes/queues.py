"""What waits in a queue."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


def depth(sqs: "SQSClient", url: str) -> int:
    """Messages that wait or are being worked on: the larger of two readings.

    moto counts the one, then the other; what becomes visible in between is in neither.
    """
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return max(
        sum(map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()))
        for _reading in range(2)
    )
