"""Sends the demo's images through their doors and waits for their results."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import click

from core.domain.errors import PicturePerfectError
from localcloud import clients, senders
from localcloud.config import GROUP
from localcloud.ledger import Ledger
from pictureperfect.demo.demo_images import DemoImage, demo_images
from pictureperfect.demo.painted_images import paint_without_customer
from pictureperfect.kafka.messages import Sender, make_record
from pictureperfect.kafka.producer import KafkaRecord, RecordProducer

if TYPE_CHECKING:
    from localcloud.config import CloudConfig

_WAIT_SECONDS = 180.0
_KAFKA_REFERENCE = "kafka+s3"
Row = dict[str, Any]
#: Called with a sentence for each image that was not sent or has not ended.
ReportFailure = Callable[[str], object]


def send(config: "CloudConfig", advance: Callable[[], object], report_failure: ReportFailure) -> None:
    """Send every image through its door, and one Kafka record without a customer.

    `advance` is called after each image, `report_failure` with each failure to send.
    """

    def report_unsent(name: str, reason: str) -> None:
        report_failure(f"{name} was not sent: {reason}")

    kafka = {"bootstrap.servers": config.kafka_bootstrap_servers}
    with (
        RecordProducer(kafka, config.kafka_topic, report_unsent, group=GROUP) as producing,
        ThreadPoolExecutor(2) as pool,
    ):
        headers = {"pipeline": "web", "filename": "stray.jpg"}
        producing.send(KafkaRecord(name="stray.jpg", value=paint_without_customer(), headers=headers))

        def send_one(image: DemoImage) -> None:
            try:
                _send(config, producing, image)
            except (click.ClickException, PicturePerfectError) as error:
                report_failure(str(error))
            advance()

        list(pool.map(send_one, demo_images()))


def _send(config: "CloudConfig", producing: RecordProducer, image: DemoImage) -> None:
    body = image.make()
    match image.door:
        case "upload":
            senders.send_upload(config, image.customer, image.pipeline, image.name, body)
        case "direct":
            senders.send_direct(config, image.customer, image.pipeline, image.name, body)
        case _:
            max_inline = 0 if image.door == _KAFKA_REFERENCE else len(body)
            sender = Sender(
                customer=image.customer, pipeline=image.pipeline, bucket=config.bucket, max_inline=max_inline
            )
            record, _ = make_record(sender, image.name, body, clients.s3(config.endpoint))
            producing.send(record)


def wait(
    config: "CloudConfig", on_count: Callable[[int], object], report_failure: ReportFailure
) -> tuple[list[Row], list[Row]]:
    """Wait until every image has ended. Returns the ledger's rows in the order sent, and the refusal documents.

    `on_count` is called with the number of rows, `report_failure` with each image that has not ended after 180 seconds.
    """
    expected = {(image.customer, image.name): image for image in demo_images()}
    s3, give_up = clients.s3(config.endpoint), time.monotonic() + _WAIT_SECONDS
    with Ledger(config.database_url) as ledger:
        while True:
            rows = {(row["customer"], row["name"]): row for row in ledger.last(1000)}
            listed = s3.list_objects_v2(Bucket=config.bucket, Prefix="refused/").get("Contents", [])
            on_count(len(rows))
            if (expected.keys() <= rows.keys() and listed) or time.monotonic() > give_up:
                break
            time.sleep(0.1)
    for customer, name in expected.keys() - rows.keys():
        report_failure(f"{name} of {customer} has not ended after {_WAIT_SECONDS:g} seconds.")
    refused = [
        {"key": entry["Key"], **json.loads(s3.get_object(Bucket=config.bucket, Key=entry["Key"])["Body"].read())}
        for entry in listed
    ]
    ended = [
        {**rows[identity], "shown_door": image.door, "expected": image.code or "processed"}
        for identity, image in expected.items()
        if identity in rows
    ]
    return ended, refused
