"""`handler.dispatch`: Batch jobs for images that were handed over, and images of events that AWS gave up on."""

import sys
from collections.abc import Mapping
from datetime import timedelta

from core.adapters.aws.batch import BatchJobs
from core.adapters.aws.s3 import S3Store
from core.adapters.aws.sqs import SqsAnnouncements
from core.adapters.emf import EmfMetrics
from core.bootstrap import clients
from core.domain.kafka_customer_rules import read_rules
from core.services.dispatch.dispatcher import Dispatching
from core.services.intake.accept import Intake
from core.services.processing.commit import Committing
from core.settings import entries


def dispatching(environ: Mapping[str, str]) -> tuple[Dispatching, Intake]:
    """The service that submits jobs, and the service that accepts the images of failed events."""
    values = entries.load(entries.DispatchSettings, environ)
    committing = Committing(
        store=S3Store(clients.s3(), values.bucket), metrics=EmfMetrics(sys.stdout, values.metrics_namespace)
    )
    jobs = BatchJobs(clients.batch(), values.batch_queue, values.batch_definitions, values.submits_per_second)
    return Dispatching(committing=committing, jobs=jobs, hold=timedelta(hours=values.hold_hours)), Intake(
        committing=committing,
        announcements=SqsAnnouncements(clients.sqs(), values.records_queue_url, values.bucket),
        references=tuple(values.references.split()),
        rules=read_rules(values.kafka_customers),
        pipeline=values.kafka_pipeline,
    )
