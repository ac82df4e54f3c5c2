"""`handler.dispatch`: Batch jobs for images that were handed over, and for images of failed Lambda events."""

from collections.abc import Mapping
from datetime import timedelta

from core.adapters.aws.batch import BatchJobs
from core.adapters.aws.sqs import SqsAnnouncements
from core.bootstrap import clients, intake, objects
from core.services.dispatch.dispatcher import Dispatcher
from core.services.intake.accept import ImageStager
from core.settings import entries


def dispatcher(environ: Mapping[str, str]) -> tuple[Dispatcher, ImageStager]:
    """The service that submits Batch jobs, and the service that accepts the images of failed events."""
    values = entries.load(entries.DispatchSettings, environ)
    committer = objects.result_committer(values.bucket, values.metrics_namespace)
    acceptor = intake.image_acceptor(values, committer)
    jobs = BatchJobs(clients.batch(), values.batch_queue, values.batch_definitions, values.submits_per_second)
    announcements = SqsAnnouncements(clients.sqs(), values.records_queue_url, values.bucket)
    return (
        Dispatcher(committer=committer, jobs=jobs, hold=timedelta(hours=values.hold_hours)),
        ImageStager(acceptor=acceptor, announcements=announcements),
    )
