"""The wiring between S3, SQS, Kafka, the schedule and the functions, as infra/ has it in AWS."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial

from localcloud import clients
from localcloud.clients import Credentials
from localcloud.config import GROUP, TOPIC, CloudConfig, Options
from localcloud.functions import Functions
from localcloud.lambda_.async_invoke import AsyncInvoker
from localcloud.lambda_.kafka_event_source import KafkaEventSource, KafkaMapping
from localcloud.lambda_.kafka_events import Cluster, too_large_document
from localcloud.lambda_.s3_event_source import S3EventSource
from localcloud.lambda_.schedule import Schedule
from localcloud.lambda_.sqs_event_source import SqsEventSource
from localcloud.s3_sqs_cloudwatch import s3_notifications

_CLUSTER_ARN = f"arn:aws:kafka:{clients.REGION}:{clients.ACCOUNT}:cluster/local/embedded"
PutDocument = Callable[[str, bytes], object]


def start_event_sources(
    stack: ExitStack,
    config: CloudConfig,
    options: Options,
    functions: Functions,
    credentials: Mapping[str, Credentials],
) -> tuple[AsyncInvoker, KafkaEventSource]:
    """Start everything that invokes a function; it closes with `stack`, and so do the functions.

    Each source reads with the credentials of its function's role, as Lambda does.
    """
    s3, sqs = clients.s3(config.endpoint), clients.sqs(config.endpoint)
    process_s3 = clients.s3(config.endpoint, credentials["process"])
    record_sqs = clients.sqs(config.endpoint, credentials["record"])
    dispatch_sqs = clients.sqs(config.endpoint, credentials["dispatch"])

    def put_failure_document(key: str, document: bytes) -> None:
        process_s3.put_object(Bucket=config.bucket, Key=key, Body=document, ContentType="application/json")

    complete = partial(s3_notifications.complete, s3)
    invoker = AsyncInvoker(functions.process, put_failure_document, options.backoff)
    kafka = _kafka_event_source(config, options, functions, put_failure_document)
    stack.callback(kafka.close)
    kafka.scale(options.consumers)
    for source in (
        S3EventSource(sqs, config.incoming_queue_url, invoker, complete),
        SqsEventSource(
            record_sqs, config.records_queue_url, functions.record, complete, batch_size=100, batching_window=0.2
        ),
        SqsEventSource(
            dispatch_sqs, config.overflow_queue_url, functions.dispatch, complete, batch_size=100, batching_window=0.5
        ),
        Schedule(functions.admin, {"action": "reconcile"}, options.reconcile_every),
    ):
        source.start()
        stack.callback(source.close)
    # Closes first: invocations end at once, so that the sources' threads do not wait for them.
    for function in functions:
        stack.callback(function.close)
    stack.callback(invoker.close)
    return invoker, kafka


def _kafka_event_source(
    config: CloudConfig, options: Options, functions: Functions, put_failure_document: PutDocument
) -> KafkaEventSource:
    cluster = Cluster(bootstrap_servers=config.kafka_bootstrap_servers, arn=_CLUSTER_ARN)
    mapping = KafkaMapping(
        cluster=cluster,
        topic=TOPIC,
        group=GROUP,
        batch_size=options.kafka_batch,
        batching_window=0.2,
        report_batch_item_failures=True,
    )
    return KafkaEventSource(
        mapping,
        functions.process.invoke,
        lambda record: put_failure_document(*too_large_document(cluster, functions.process.config.arn, record)),
    )
