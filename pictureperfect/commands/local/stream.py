"""`pictureperfect stream`: a folder's images into a Kafka topic."""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pictureperfect.console import (
    cloud_at,
    ended_by_signals,
    folder_option,
    json_option,
    literal,
    notes,
    progress,
)
from pictureperfect.reports import numbers

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from pictureperfect.kafka.messages import Sender


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="DIR")
@click.option("--customer", required=True, help="Whose images these are.")
@click.option("--pipeline", required=True, help="What is to be done with them.")
@click.option(
    "--rate", type=click.FloatRange(0, min_open=True), help="Images a second; as many as are taken by default."
)
@click.option("--count", type=click.IntRange(1), help="So many images, round and round; each file once by default.")
@click.option("--loop", is_flag=True, help="Round and round until Ctrl-C.")
@click.option("--once", is_flag=True, help="Give the content's hash as idempotency key: the same picture counts once.")
@click.option("--topic", default="images", show_default=True, help="The topic.")
@click.option("--bootstrap-servers", help="Another Kafka than the running cloud's, as HOST:PORT,…")
@click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file of librdkafka's properties, such as those for TLS and SASL.",
)
@click.option("--bucket", help="Where large images lie, for another Kafka: a bucket of your own account's.")
@click.option(
    "--max-bytes",
    type=click.IntRange(1, 4_500_000),
    help="Larger images go to the bucket, and a reference is sent; 1 MB by default, to the running cloud 2.5 MB.",
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
    """Send a folder's images into a Kafka topic, pacing itself; large ones as references to S3.

    Exit 0 when every image was taken; 1 when some were not: they are named. Ctrl-C stops after the last one sent.
    """
    from core.domain.object_keys import check_customer  # noqa: PLC0415 - `--help` needs no Kafka
    from pictureperfect.kafka import messages  # noqa: PLC0415

    check_customer(customer)
    settings = messages.read_properties(config) if config else {}
    servers = bootstrap_servers or settings.get("bootstrap.servers")
    group: str | None = None
    s3: S3Client | None = None
    if servers:
        limit, s3 = max_bytes or messages.MAX_INLINE, _own_s3() if bucket else None
    else:
        from localcloud import clients  # noqa: PLC0415
        from localcloud.config import GROUP  # noqa: PLC0415
        from localcloud.kafka_broker import MAX_RECORD  # noqa: PLC0415

        address = cloud_at(folder)
        servers, group = address.kafka_bootstrap_servers, GROUP
        limit = min(max_bytes or MAX_RECORD, MAX_RECORD)
        s3, bucket = clients.s3(address.endpoint), address.bucket
    sender = messages.Sender(customer=customer, pipeline=pipeline, max_inline=limit, bucket=bucket or "", once=once)
    job = _Job(sender, s3, rate)
    interrupted = False
    try:
        with ended_by_signals():
            job.run(directory, count, {**settings, "bootstrap.servers": servers}, topic, group, loop=loop)
    except KeyboardInterrupt:
        interrupted = True
    job.tell(as_json=as_json)
    if interrupted and not loop:
        return 130
    return 1 if job.failures else 0


def _own_s3() -> "S3Client":
    import boto3  # noqa: PLC0415

    return boto3.client("s3")


class _Job:
    """One call of the command: what was sent, and what was not."""

    def __init__(self, sender: "Sender", s3: "S3Client | None", rate: float | None) -> None:
        self.failures: list[dict[str, str]] = []
        self._sender, self._s3 = sender, s3
        self._every = 1 / rate if rate else 0.0
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

        begun = time.monotonic()
        total = count or (None if loop else sum(1 for _ in messages.list_files(directory, None, loop=False)))
        producing = producer.RecordProducer(config, topic, self._failed, group=group)
        try:
            with producing, progress() as bars:
                task = bars.add_task("streaming", total=total)
                for number, path in enumerate(messages.list_files(directory, count, loop=loop)):
                    time.sleep(max(0.0, begun + number * self._every - time.monotonic()))
                    self._send(producing, path)
                    bars.advance(task)
        finally:
            self._delivered = producing.delivered
            self._seconds = time.monotonic() - begun

    def _send(self, producing: Any, path: Path) -> None:  # noqa: ANN401 - a RecordProducer, imported late
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        from core.domain.errors import Refusal  # noqa: PLC0415
        from pictureperfect.kafka.messages import make_record  # noqa: PLC0415

        try:
            body = path.read_bytes()
            record, is_reference = make_record(self._sender, path.name, body, self._s3)
        except (OSError, Refusal, ClientError, BotoCoreError) as error:
            self._failed(path.name, str(error))
            return
        producing.send(record)
        self._sent += 1
        self._bytes += len(body)
        self._references += is_reference

    def _failed(self, name: str, message: str) -> None:
        self.failures.append({"name": name, "message": message})

    def tell(self, *, as_json: bool) -> None:
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
