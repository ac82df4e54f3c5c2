"""The doors of a running system, each tried with one image that nobody has seen before."""

import base64
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import click
import msgspec

from core.adapters.aws.s3 import S3Store
from core.adapters.aws.sqs import SqsHandovers
from core.domain import object_keys
from core.domain.errors import PicturePerfectError
from core.domain.model import Door, ObjectRef, Route, Value, image_id
from core.routing.batch_tiers import TIERS
from core.services.intake.requests import ImageRequest, accept_bytes, caller_key, s3_identity
from pictureperfect.calibration import synthetic_images
from pictureperfect.deployment import aws_session
from pictureperfect.deployment.outputs import Clients, Deployment, invoke

_WIDTH, _HEIGHT = 640, 480
#: The smallest Batch job there is: what is seen is the way, and it is billed by the minute.
TIER = TIERS[0]


class Asked(Value, frozen=True, kw_only=True):
    """Whose the images are, what is done with them, and how they reach Kafka: librdkafka's properties, by name."""

    customer: str
    pipeline: str
    kafka: dict[str, str] = msgspec.field(default_factory=dict)
    kafka_topic: str = ""
    #: Doors that are not tried, and not missed.
    skip: frozenset[str] = frozenset()
    #: Seconds until what is not seen counts as missing.
    wait: float = 900.0


class Sent(Value, frozen=True, kw_only=True):
    """An image on its way. `door` and `route` are what its row and its metric must say."""

    what: str
    image_id: str
    door: Door
    route: Route
    at: float


@dataclass(frozen=True)
class Doors:
    """Of one deployment."""

    deployment: Deployment
    clients: Clients
    asked: Asked

    def send(self, advance: Callable[[str], object]) -> tuple[list[Sent], dict[str, str]]:
        """An image through each; `advance` hears of each. What was not taken, and why, is the second answer."""
        doors: dict[str, Callable[[str, bytes], Sent]] = {"upload": self._upload, "direct": self._direct}
        if self.asked.kafka:
            doors["kafka"] = self._kafka
        doors["batch"] = self._batch
        doors = {what: door for what, door in doors.items() if what not in self.asked.skip}
        sent: list[Sent] = []
        missing: dict[str, str] = {}
        for what, door in doors.items():
            try:
                with aws_session.explained():
                    sent.append(door(f"smoke-{what}-{secrets.token_hex(4)}.jpg", _picture()))
            except (click.ClickException, PicturePerfectError) as error:
                missing[what] = f"It was not taken: {error}"
            advance(what)
        if self.deployment.kafka_topic and not self.asked.kafka and "kafka" not in self.asked.skip:
            topic = self.deployment.kafka_topic
            missing["kafka"] = (
                f"The topic {topic} is read; say --bootstrap-servers for it to be tried, or --skip kafka."
            )
        return sent, missing

    def _upload(self, name: str, body: bytes) -> Sent:
        bucket = self.deployment.bucket
        key = f"{object_keys.INCOMING}{self.asked.customer}/{self.asked.pipeline}/{uuid4()}/{name}"
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
        from pictureperfect.kafka.messages import Sender, make_record  # noqa: PLC0415
        from pictureperfect.kafka.producer import RecordProducer  # noqa: PLC0415 - librdkafka, where there is a stream

        sender = Sender(customer=self.asked.customer, pipeline=self.asked.pipeline, once=True)
        record, _ = make_record(sender, name, body, None)
        refused: list[str] = []
        with RecordProducer(
            self.asked.kafka, self.asked.kafka_topic, lambda _name, reason: refused.append(reason)
        ) as to:
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
        store.create(job.source.key, body, "image/jpeg", object_keys.staged_metadata(job, digest))
        queue = SqsHandovers(self.clients.sqs, self.deployment.overflow_queue_url)
        queue.hand_over(job, "The smoke test asks for a Batch job.", TIER.name)
        return self._sent("batch", caller_key(request) or (), Door.DIRECT, Route.BATCH)

    def _sent(self, what: str, source: tuple[str, ...], door: Door, route: Route = Route.LAMBDA) -> Sent:
        identity = image_id(self.asked.customer, self.asked.pipeline, *source)
        return Sent(what=what, image_id=identity, door=door, route=route, at=time.monotonic())


def _picture() -> bytes:
    """A photograph that nobody has seen before, so that it is an image of its own."""
    with TemporaryDirectory(prefix="smoke-") as folder:
        path = Path(folder) / "picture"
        synthetic_images.write("jpeg", synthetic_images.Content.PHOTO, _WIDTH, _HEIGHT, secrets.randbelow(2**31), path)
        return path.read_bytes()
