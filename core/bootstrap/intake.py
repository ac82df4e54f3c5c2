"""The service that makes jobs of requests and Kafka records, for `handler.process`, `handler.dispatch` and `batch`."""

from core.domain.kafka_customer_rules import read_rules
from core.services.intake.accept import ImageAcceptor
from core.services.processing.commit import ResultCommitter
from core.settings.entries import DispatchSettings, ProcessSettings


def image_acceptor(values: ProcessSettings | DispatchSettings, committer: ResultCommitter) -> ImageAcceptor:
    """Both settings have REFERENCES, KAFKA_CUSTOMERS and KAFKA_PIPELINE: each function accepts an event alike."""
    return ImageAcceptor(
        committer=committer,
        references=tuple(values.references.split()),
        rules=read_rules(values.kafka_customers),
        kafka_pipeline=values.kafka_pipeline,
    )
