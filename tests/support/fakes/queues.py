"""The number of messages in a queue."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


def depth(sqs: "SQSClient", url: str) -> int:
    """The visible and invisible messages of a queue: the larger of two readings.

    moto counts visible messages first; a message that becomes visible before it counts the others is in neither.
    """
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return max(
        sum(map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()))
        for _reading in range(2)
    )
