"""`handler.dispatch`: Batch jobs for images that were handed over, and for images of failed Lambda events."""

import sys
from collections.abc import Mapping
from datetime import timedelta

from core.adapters.aws.batch import BatchJobs
from core.adapters.aws.s3 import S3Store
from core.adapters.aws.sqs import SqsAnnouncements
from core.adapters.emf import EmfMetrics
from core.bootstrap import clients
from core.domain.kafka_customer_rules import read_rules
from core.services.dispatch.dispatcher import Dispatcher
from core.services.intake.accept import ImageAcceptor, ImageStager
from core.services.processing.commit import ResultCommitter
from core.settings import entries


def dispatcher(environ: Mapping[str, str]) -> tuple[Dispatcher, ImageStager]:
    """The service that submits Batch jobs, and the service that accepts the images of failed events."""
    values = entries.load(entries.DispatchSettings, environ)
    committer = ResultCommitter(
        store=S3Store(clients.s3(), values.bucket), metrics=EmfMetrics(sys.stdout, values.metrics_namespace)
    )
    acceptor = ImageAcceptor(
        committer=committer,
        references=tuple(values.references.split()),
        rules=read_rules(values.kafka_customers),
        kafka_pipeline=values.kafka_pipeline,
    )
    jobs = BatchJobs(clients.batch(), values.batch_queue, values.batch_definitions, values.submits_per_second)
    announcements = SqsAnnouncements(clients.sqs(), values.records_queue_url, values.bucket)
    return (
        Dispatcher(committer=committer, jobs=jobs, hold=timedelta(hours=values.hold_hours)),
        ImageStager(acceptor=acceptor, announcements=announcements),
    )
