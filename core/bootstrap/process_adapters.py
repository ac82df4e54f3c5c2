"""S3, SQS and metrics for the entries that process images. Importing this module loads boto3, a third of a second."""

import sys

from core.adapters.aws.s3 import S3Store
from core.adapters.aws.sqs import SqsAnnouncements, SqsHandovers
from core.adapters.emf import EmfMetrics
from core.bootstrap import clients
from core.services.processing.commit import ResultCommitter
from core.settings import entries


def result_committer(values: entries.ProcessSettings) -> ResultCommitter:
    """Writes to BUCKET; metrics go to stdout."""
    return ResultCommitter(
        store=S3Store(clients.s3(), values.bucket), metrics=EmfMetrics(sys.stdout, values.metrics_namespace)
    )


def announcements(values: entries.ProcessSettings) -> SqsAnnouncements:
    """The records queue."""
    return SqsAnnouncements(clients.sqs(), values.records_queue_url, values.bucket)


def handovers(values: entries.ProcessSettings) -> SqsHandovers | None:
    """The overflow queue; None without OVERFLOW_QUEUE_URL."""
    return SqsHandovers(clients.sqs(), values.overflow_queue_url) if values.overflow_queue_url else None
