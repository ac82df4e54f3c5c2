"""`pictureperfect stream`: sends a folder's images to a Kafka topic."""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pictureperfect import numbers
from pictureperfect.console import (
    cloud_at,
    ended_by_signals,
    folder_option,
    json_option,
    literal,
    notes,
    progress,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from pictureperfect.kafka.messages import Sender


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="DIR")
@click.option("--customer", required=True, help="The customer who owns the images.")
@click.option("--pipeline", required=True, help="The pipeline that processes them.")
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    help="Images per second; by default as fast as the function reads them.",
)
@click.option(
    "--count",
    type=click.IntRange(1),
    help="Number of images; files repeat if there are fewer. By default each file is sent once.",
)
@click.option("--loop", is_flag=True, help="Repeat the files until Ctrl-C.")
@click.option(
    "--once", is_flag=True, help="Send the content's hash as idempotency key, so that equal images are processed once."
)
@click.option("--topic", default="images", show_default=True, help="Kafka topic to send to.")
@click.option("--bootstrap-servers", help="Brokers of another Kafka than the running cloud's, as HOST:PORT,…")
@click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with librdkafka properties, for example for TLS and SASL.",
)
@click.option("--bucket", help="With another Kafka: the bucket of your AWS account for large images.")
@click.option(
    "--max-bytes",
    type=click.IntRange(1, 4_500_000),
    help="Larger images go to the bucket, and the record refers to them. Default: 1 MB; to the running cloud 2.5 MB.",
)
@folder_option
@json_option
def stream(
    directory: Path,
    customer: str,
    pipeline: str,
    rate: float | None,
    count: int | None,
    loop: bool,
    once: bool,
    topic: str,
    bootstrap_servers: str | None,
    config: Path | None,
    bucket: str | None,
    max_bytes: int | None,
    folder: Path,
    as_json: bool,
) -> int:
    """Send a folder's images to a Kafka topic, at the pace of its reader; large ones as references to S3.

    Exit 0: every image was delivered. 1: the images named on stderr were not. Ctrl-C stops after the current image.
    """
    from core.domain.object_keys import check_customer  # noqa: PLC0415 - `--help` needs no Kafka
    from pictureperfect.kafka import messages  # noqa: PLC0415

    check_customer(customer)
    settings = messages.read_properties(config) if config else {}
    servers = bootstrap_servers or settings.get("bootstrap.servers")
    group: str | None = None
    s3: S3Client | None = None
    if servers:
        limit, s3 = max_bytes or messages.MAX_INLINE, _account_s3() if bucket else None
    else:
        from localcloud import clients  # noqa: PLC0415
        from localcloud.config import GROUP  # noqa: PLC0415
        from localcloud.kafka_broker import MAX_RECORD  # noqa: PLC0415

        cloud = cloud_at(folder)
        servers, group = cloud.kafka_bootstrap_servers, GROUP
        limit = min(max_bytes or MAX_RECORD, MAX_RECORD)
        s3, bucket = clients.s3(cloud.endpoint), cloud.bucket
    sender = messages.Sender(customer=customer, pipeline=pipeline, max_inline=limit, bucket=bucket or "", once=once)
    job = _StreamJob(sender, s3, rate)
    interrupted = False
    try:
        with ended_by_signals():
            job.run(directory, count, {**settings, "bootstrap.servers": servers}, topic, group, loop=loop)
    except KeyboardInterrupt:
        interrupted = True
    job.print_report(as_json=as_json)
    if interrupted and not loop:
        return 130
    return 1 if job.failures else 0


def _account_s3() -> "S3Client":
    import boto3  # noqa: PLC0415

    return boto3.client("s3")


class _StreamJob:
    """Sends the images and counts them; `failures` are those that were not sent."""

    def __init__(self, sender: "Sender", s3: "S3Client | None", rate: float | None) -> None:
        self.failures: list[dict[str, str]] = []
        self._sender, self._s3 = sender, s3
        self._interval = 1 / rate if rate else 0.0
        self._sent = self._bytes = self._references = self._delivered = 0
        self._seconds = 0.0

    def run(
        self,
        directory: Path,
        count: int | None,
        config: Mapping[str, str],
        topic: str,
        group: str | None,
        *,
        loop: bool,
    ) -> None:
        from pictureperfect.kafka import messages, producer  # noqa: PLC0415

        started = time.monotonic()
        total = count or (None if loop else sum(1 for _ in messages.list_files(directory, None, loop=False)))
        producing = producer.RecordProducer(config, topic, self._add_failure, group=group)
        try:
            with producing, progress() as bars:
                task = bars.add_task("streaming", total=total)
                for number, path in enumerate(messages.list_files(directory, count, loop=loop)):
                    time.sleep(max(0.0, started + number * self._interval - time.monotonic()))
                    self._send(producing, path)
                    bars.advance(task)
        finally:
            self._delivered = producing.delivered
            self._seconds = time.monotonic() - started

    def _send(self, producing: Any, path: Path) -> None:  # noqa: ANN401 - a RecordProducer, imported late
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        from core.domain.errors import Refusal  # noqa: PLC0415
        from pictureperfect.kafka.messages import make_record  # noqa: PLC0415

        try:
            body = path.read_bytes()
            record, is_reference = make_record(self._sender, path.name, body, self._s3)
        except (OSError, Refusal, ClientError, BotoCoreError) as error:
            self._add_failure(path.name, str(error))
            return
        producing.send(record)
        self._sent += 1
        self._bytes += len(body)
        self._references += is_reference

    def _add_failure(self, name: str, message: str) -> None:
        self.failures.append({"name": name, "message": message})

    def print_report(self, *, as_json: bool) -> None:
        report = {
            "sent": self._sent,
            "delivered": self._delivered,
            "bytes": self._bytes,
            "references": self._references,
            "seconds": round(self._seconds, 3),
            "failures": self.failures,
        }
        if as_json:
            click.echo(json.dumps(report))
            return
        for failure in self.failures:
            notes().print(literal(f"{failure['name']} was not sent: {failure['message']}"), soft_wrap=True)
        pace = self._delivered / self._seconds if self._seconds else 0.0
        with suppress(BrokenPipeError):
            click.echo(
                f"{self._delivered:,} images ({numbers.size(self._bytes)}) in {self._seconds:.1f} s, "
                f"{pace:.0f} a second; "
                f"{self._references} as references, {len(self.failures)} not sent."
            )
