"""`handler.process` for Kafka events: batches of records, on top of the services that accept and process images."""

from collections.abc import Mapping

from core.domain.errors import Code, Misconfigured
from core.services.intake.accept import ImageAcceptor
from core.services.intake.kafka_batch import KafkaBatchProcessor
from core.services.processing.process import ImageProcessor
from core.settings import entries


def kafka_batch_processor(
    environ: Mapping[str, str], processor: ImageProcessor, acceptor: ImageAcceptor
) -> KafkaBatchProcessor | None:
    """The service that processes batches of Kafka records; None without OVERFLOW_QUEUE_URL.

    Raises Misconfigured(INVALID_SETTINGS) if KAFKA_PIPELINE names no pipeline.
    """
    values = entries.load(entries.ProcessSettings, environ)
    if values.kafka_pipeline and values.kafka_pipeline not in processor.pipelines:
        known = ", ".join(sorted(processor.pipelines))
        raise Misconfigured(
            Code.INVALID_SETTINGS, f"KAFKA_PIPELINE is wrong: there is no such pipeline; there are {known}"
        )
    if not values.overflow_queue_url:
        return None
    return KafkaBatchProcessor(processor=processor, acceptor=acceptor, partial=values.report_batch_item_failures)
