"""The queues of the entries that process images. Importing this module loads boto3, a third of a second."""

from core.adapters.aws.sqs import SqsAnnouncements, SqsHandovers
from core.bootstrap import clients
from core.settings import entries


def announcements(values: entries.ProcessSettings) -> SqsAnnouncements:
    """The records queue."""
    return SqsAnnouncements(clients.sqs(), values.records_queue_url, values.bucket)


def handovers(values: entries.ProcessSettings) -> SqsHandovers | None:
    """The overflow queue; None without OVERFLOW_QUEUE_URL."""
    return SqsHandovers(clients.sqs(), values.overflow_queue_url) if values.overflow_queue_url else None
