"""`handler.process` for Kafka events: batches of records, on top of the processing service."""

from collections.abc import Mapping

from core.domain.errors import Code, Misconfigured
from core.domain.kafka_customer_rules import read_rules
from core.services.intake.kafka_batch import Streaming
from core.services.processing.process import Processing
from core.settings import entries


def streaming(environ: Mapping[str, str], service: Processing) -> Streaming | None:
    """The service of the Kafka door; None without OVERFLOW_QUEUE_URL.

    Raises Misconfigured(INVALID_SETTINGS) if KAFKA_PIPELINE names no pipeline.
    """
    values = entries.load(entries.ProcessSettings, environ)
    if values.kafka_pipeline and values.kafka_pipeline not in service.pipelines:
        known = ", ".join(sorted(service.pipelines))
        raise Misconfigured(
            Code.INVALID_SETTINGS, f"KAFKA_PIPELINE is wrong: there is no such pipeline; there are {known}"
        )
    if not values.overflow_queue_url:
        return None
    return Streaming(
        processing=service,
        rules=read_rules(values.kafka_customers),
        pipeline=values.kafka_pipeline,
        partial=values.report_batch_item_failures,
    )
