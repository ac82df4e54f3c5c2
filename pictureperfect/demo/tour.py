"""The demo's images, each sent through its door, and how each of them ended."""

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
from pictureperfect.demo.painted_images import Sample, samples, stray
from pictureperfect.kafka.messages import Sender, make_record
from pictureperfect.kafka.producer import KafkaRecord, RecordProducer

if TYPE_CHECKING:
    from localcloud.config import Address

_WAIT_SECONDS = 180.0
_KAFKA_REFERENCE = "kafka+s3"
Row = dict[str, Any]
Say = Callable[[str], object]


def send(address: "Address", advance: Callable[[], object], complain: Say) -> None:
    """Send every sample through its door, and one record into the topic that nobody can say whose it is."""
    config = {"bootstrap.servers": address.kafka_bootstrap_servers}
    with (
        RecordProducer(
            config, address.kafka_topic, lambda name, reason: complain(f"{name} was not sent: {reason}"), group=GROUP
        ) as producing,
        ThreadPoolExecutor(2) as pool,
    ):
        producing.send(
            KafkaRecord(name="stray.jpg", value=stray(), headers={"pipeline": "web", "filename": "stray.jpg"})
        )

        def deliver(sample: Sample) -> None:
            try:
                _send(address, producing, sample)
            except (click.ClickException, PicturePerfectError) as error:
                complain(str(error))
            advance()

        list(pool.map(deliver, samples()))


def _send(address: "Address", producing: RecordProducer, sample: Sample) -> None:
    message = (address, sample.customer, sample.pipeline, sample.name, sample.make())
    match sample.door:
        case "upload":
            senders.upload(*message)
        case "direct":
            senders.direct(*message)
        case _:
            limit = 0 if sample.door == _KAFKA_REFERENCE else len(message[-1])
            sender = Sender(customer=sample.customer, pipeline=sample.pipeline, bucket=address.bucket, max_inline=limit)
            record, _ = make_record(sender, sample.name, message[-1], clients.s3(address.endpoint))
            producing.send(record)


def wait(address: "Address", seen: Callable[[int], object], complain: Say) -> tuple[list[Row], list[Row]]:
    """The ledger's rows in the order of the samples, and the documents of refused records, once all are there."""
    wanted = {(sample.customer, sample.name): sample for sample in samples()}
    s3, until = clients.s3(address.endpoint), time.monotonic() + _WAIT_SECONDS
    with Ledger(address.database_url) as ledger:
        while True:
            rows = {(row["customer"], row["name"]): row for row in ledger.last(1000)}
            listed = s3.list_objects_v2(Bucket=address.bucket, Prefix="refused/").get("Contents", [])
            seen(len(rows))
            if (wanted.keys() <= rows.keys() and listed) or time.monotonic() > until:
                break
            time.sleep(0.1)
    for customer, name in wanted.keys() - rows.keys():
        complain(f"{name} of {customer} has not ended after {_WAIT_SECONDS:g} seconds.")
    refused = [
        {"key": entry["Key"], **json.loads(s3.get_object(Bucket=address.bucket, Key=entry["Key"])["Body"].read())}
        for entry in listed
    ]
    ended = [
        {**rows[place], "shown_door": sample.door, "expected": sample.code or "processed"}
        for place, sample in wanted.items()
        if place in rows
    ]
    return ended, refused
