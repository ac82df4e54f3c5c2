"""One image through each door of a running system, one Batch job; and what of it is seen: rows, metrics, dollars.

Nothing here knows whether it is the embedded cloud or a stack on AWS: `local.deployment` says where things are.
"""

import base64
import hashlib
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import click
import msgspec

from core import keys, prices
from core.adapters.s3 import S3Store
from core.adapters.sqs import SqsHandovers
from core.errors import PicturePerfectError
from core.model import Door, ObjectRef, Route, Value, image_id
from core.requests import ImageRequest, accept_bytes, caller_key, s3_identity
from core.tiers import TIERS
from local import account, generated
from local.deployment import Clients, Deployment, invoke

_WIDTH, _HEIGHT = 640, 480
#: The smallest Batch job there is: what is seen is the way, and it is billed by the minute.
_TIER = TIERS[0]
#: The dimensions by which images are counted, as the function's log lines have them.
_COUNTED_BY = ("source", "route")
#: What is sent here, by those.
_WAYS = (
    (Door.UPLOAD, Route.LAMBDA),
    (Door.DIRECT, Route.LAMBDA),
    (Door.KAFKA, Route.LAMBDA),
    (Door.DIRECT, Route.BATCH),
)
_FIRST_PAUSE, _LAST_PAUSE = 0.2, 10.0  # seconds between two looks


class Asked(Value, frozen=True, kw_only=True):
    """Whose the images are, what is done with them, and how they reach Kafka: librdkafka's properties, by name."""

    customer: str
    pipeline: str
    kafka: dict[str, str] = msgspec.field(default_factory=dict)
    kafka_topic: str = ""
    #: Seconds until what is not seen counts as missing.
    wait: float = 900.0


class Sent(Value, frozen=True, kw_only=True):
    """An image on its way. `door` and `route` are what its row and its metric must say."""

    what: str
    image_id: str
    door: Door
    route: Route
    at: float


@dataclass
class Seen:
    """One thing that was looked for: `told` is what was seen, or why it is missing, and where to look."""

    what: str
    seen: bool
    told: str
    seconds: float | None = None
    row: dict[str, Any] | None = None


@dataclass
class Smoke:
    """A run. `run` gives what was seen, image by image, then metrics, then dollars; `advance` hears of each."""

    deployment: Deployment
    clients: Clients
    asked: Asked
    advance: Callable[[str], object] = lambda _what: None
    usd: float | None = None
    _began: float = field(default_factory=time.monotonic)

    def run(self) -> list[Seen]:
        """Send, wait, and say. Raises ClickException where nothing can be sent at all."""
        since = datetime.now(UTC).replace(second=0, microsecond=0)
        counted = self._counted(since)
        sent, seen = self._send()
        rows = {one.what: one for one in self._rows(sent)}
        found = [*seen, *(rows[one.what] for one in sent)]
        if any(one.row for one in found):
            found += self._metrics(sent, counted, since)
        return [*found, self._dollars(sent, rows)]

    def _send(self) -> tuple[list[Sent], list[Seen]]:
        doors: dict[str, Callable[[str, bytes], Sent]] = {"upload": self._upload, "direct": self._direct}
        if self.asked.kafka:
            doors["kafka"] = self._kafka
        doors["batch"] = self._batch
        sent, missing = [], []
        for what, door in doors.items():
            try:
                with account.explained():
                    sent.append(door(f"smoke-{what}-{secrets.token_hex(4)}.jpg", _picture()))
            except (click.ClickException, PicturePerfectError) as error:
                missing.append(Seen(what, seen=False, told=f"It was not taken: {error}"))
            self.advance(what)
        if self.deployment.kafka_topic and not self.asked.kafka:
            told = f"The topic {self.deployment.kafka_topic} is read; say --bootstrap-servers for it to be tried."
            missing.append(Seen("kafka", seen=False, told=told))
        return sent, missing

    def _upload(self, name: str, body: bytes) -> Sent:
        bucket = self.deployment.bucket
        key = f"{keys.INCOMING}{self.asked.customer}/{self.asked.pipeline}/{uuid4()}/{name}"
        put = self.clients.s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="image/jpeg")
        place = ObjectRef(bucket=bucket, key=key, version=put.get("VersionId"), etag=put["ETag"].strip('"'))
        return self._sent("upload", s3_identity(place), Door.UPLOAD)

    def _direct(self, name: str, body: bytes) -> Sent:
        event = {
            "customer": self.asked.customer,
            "pipeline": self.asked.pipeline,
            "filename": name,
            "image": base64.b64encode(body).decode(),
        }
        began = time.monotonic()
        answer = invoke(self.clients.lambda_, self.deployment.process_function, event)
        return Sent(what="direct", image_id=answer["image_id"], door=Door.DIRECT, route=Route.LAMBDA, at=began)

    def _kafka(self, name: str, body: bytes) -> Sent:
        from local.kafka_producer import Producing  # noqa: PLC0415 - librdkafka, where there is a stream
        from local.streaming import Sender, item  # noqa: PLC0415

        sender = Sender(customer=self.asked.customer, pipeline=self.asked.pipeline, once=True)
        record, _ = item(sender, name, body, None)
        refused: list[str] = []
        with Producing(self.asked.kafka, self.asked.kafka_topic, lambda _name, reason: refused.append(reason)) as to:
            to.send(record)
        if refused:
            raise click.ClickException(f"the broker did not take it: {refused[0]}")
        return self._sent("kafka", ("idempotency-key", record.headers["idempotency-key"]), Door.KAFKA)

    def _batch(self, name: str, body: bytes) -> Sent:
        """As the function itself hands over what does not fit: its source staged, a message in the overflow queue."""
        request = ImageRequest(
            customer=self.asked.customer,
            pipeline=self.asked.pipeline,
            image=base64.b64encode(body).decode(),
            filename=name,
            idempotency_key=str(uuid4()),
        )
        job, _ = accept_bytes(request, self.deployment.bucket, datetime.now(UTC))
        digest = hashlib.sha256(body).hexdigest()
        store = S3Store(self.clients.s3, self.deployment.bucket)
        store.create(job.source.key, body, "image/jpeg", keys.staged_metadata(job, digest))
        queue = SqsHandovers(self.clients.sqs, self.deployment.overflow_queue_url)
        queue.hand_over(job, "The smoke test asks for a Batch job.", _TIER.name)
        return self._sent("batch", caller_key(request) or (), Door.DIRECT, Route.BATCH)

    def _sent(self, what: str, source: tuple[str, ...], door: Door, route: Route = Route.LAMBDA) -> Sent:
        identity = image_id(self.asked.customer, self.asked.pipeline, *source)
        return Sent(what=what, image_id=identity, door=door, route=route, at=time.monotonic())

    def _rows(self, sent: list[Sent]) -> Iterator[Seen]:
        """The database's row of each, and its files in the bucket, as soon as they are there."""
        waiting, complaint = {one.image_id: one for one in sent}, ""
        for _ in self._looks():
            for one in list(waiting.values()):
                try:
                    answer = invoke(
                        self.clients.lambda_,
                        self.deployment.admin_function,
                        {"action": "image", "image_id": one.image_id},
                    )
                except click.ClickException as error:  # a database that wakes up, say: it is asked again
                    complaint = f" {error.message}"
                    continue
                if answer["image"]:
                    del waiting[one.image_id]
                    self.advance(f"{one.what}: row")
                    yield self._judged(one, answer["image"])
            if not waiting:
                return
        for one in waiting.values():
            yield Seen(one.what, seen=False, told=f"Image {one.image_id} has no row yet.{complaint} {_WHERE[one.what]}")

    def _judged(self, one: Sent, row: Mapping[str, Any]) -> Seen:
        seconds = time.monotonic() - one.at
        if row["status"] != "processed":
            told = f"Image {one.image_id} ended {row['status']}, {row['code']}: {row['message']}"
            return Seen(one.what, seen=False, told=told, seconds=seconds, row=dict(row))
        files = [rendition["key"] for rendition in row["renditions"]]
        store = S3Store(self.clients.s3, self.deployment.bucket)
        with account.explained():
            lost = [key for key in files if store.head(ObjectRef(bucket=self.deployment.bucket, key=key)) is None]
        if lost or not files:
            told = f"Its row names {_files(len(files))}, and {', '.join(lost) or 'that is none'} is not in the bucket."
            return Seen(one.what, seen=False, told=told, seconds=seconds, row=dict(row))
        if row["route"] != one.route:
            told = f"It went by {row['route']}, not {one.route}: {row['reason']}"
            return Seen(one.what, seen=False, told=told, seconds=seconds, row=dict(row))
        told = (
            f"processed by {row['route']}, {_files(len(files))}, {row['seconds']:.2f} s of work; image {one.image_id}"
        )
        return Seen(one.what, seen=True, told=told, seconds=seconds, row=dict(row))

    def _metrics(self, sent: list[Sent], counted: Mapping[tuple[str, str], float], since: datetime) -> list[Seen]:
        """CloudWatch's count for each door and route, which must have grown by what was sent there."""
        wanted = Counter((one.door.value, one.route.value) for one in sent)
        after: dict[tuple[str, str], float] = {}
        for _ in self._looks():
            now = self._counted(since)
            for pair, count in wanted.items():
                if pair not in after and now.get(pair, 0) - counted.get(pair, 0) >= count:
                    after[pair] = time.monotonic() - self._began
                    self.advance(f"metric: {' '.join(pair)}")
            if len(after) == len(wanted):
                break
        return [
            Seen(
                "metric",
                seen=(door, route) in after,
                told=f"Images of source={door}, route={route} "
                + (f"grew by {count}" if (door, route) in after else f"did not grow by {count}. {_WHERE['metric']}"),
                seconds=after.get((door, route)),
            )
            for (door, route), count in wanted.items()
        ]

    def _counted(self, since: datetime) -> dict[tuple[str, str], float]:
        """Images by door and route from the minute `since` on."""
        found = {}
        for way in _WAYS:
            with account.explained():
                points = self.clients.cloudwatch.get_metric_statistics(
                    Namespace=self.deployment.metrics_namespace,
                    MetricName="Images",
                    Dimensions=[{"Name": name, "Value": value} for name, value in zip(_COUNTED_BY, way, strict=True)],
                    StartTime=since,
                    EndTime=datetime.now(UTC) + timedelta(minutes=1),
                    Period=60,
                    Statistics=["Sum"],
                )["Datapoints"]
            found[way[0].value, way[1].value] = sum(point["Sum"] for point in points)
        return found

    def _dollars(self, sent: list[Sent], rows: Mapping[str, Seen]) -> Seen:
        """What those images cost by core.prices, before any free tier: work, and S3's requests."""
        price, machine = prices.load(), self.deployment.machine
        by_route = {"Batch": 0.0, "Lambda": 0.0, "S3": 0.0}
        priced = 0
        for one in sent:
            row = rows[one.what].row
            if row is None:
                continue
            priced += 1
            by_route["S3"] += price.requests_usd(len(row["renditions"]))
            if row["route"] == Route.BATCH:
                by_route["Batch"] += price.batch_usd(row["seconds"], _TIER, machine)
            else:
                by_route["Lambda"] += price.lambda_usd(row["seconds"], self.deployment.process_memory_mb, machine)
        self.usd = sum(by_route.values())
        parts = ", ".join(f"{name} ${value:.6f}" for name, value in by_route.items() if value)
        told = f"${self.usd:.6f} for {priced} images ({parts}), at the prices of {price.region} of {price.date}"
        if not priced:
            return Seen("dollars", seen=False, told="No image ended, so there is nothing to reckon.")
        return Seen("dollars", seen=True, told=told)

    def _looks(self) -> Iterator[None]:
        """Ever more seldom, until the time is up; one look at least."""
        pause = _FIRST_PAUSE
        while True:
            yield
            if time.monotonic() + pause > self._began + self.asked.wait:
                return
            time.sleep(pause)
            pause = min(_LAST_PAUSE, pause * 1.3)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _picture() -> bytes:
    """A photograph that nobody has seen before, so that it is an image of its own."""
    with TemporaryDirectory(prefix="smoke-") as folder:
        path = Path(folder) / "picture"
        generated.write("jpeg", generated.Content.PHOTO, _WIDTH, _HEIGHT, secrets.randbelow(2**31), path)
        return path.read_bytes()


#: Where one looks for what is missing.
_WHERE = {
    "upload": "Look at the log of the function process, at the bucket's notifications, and at the records queue.",
    "direct": "It was answered; look at the records queue and at the log of the function record.",
    "kafka": "Look at the event source mapping's state and its last result, and at the log of the function process.",
    "batch": "Look at the log of the function dispatch, and at the job queue in the console of Batch.",
    "metric": "They leave in the log of what did the work, and may be some minutes late.",
}
