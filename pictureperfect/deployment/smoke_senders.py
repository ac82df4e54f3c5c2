"""Sends one new image through each door of a running system."""

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
from core.domain import object_keys, stored_documents
from core.domain.errors import PicturePerfectError
from core.domain.identity import image_id, s3_identity
from core.domain.model import Door, ObjectRef, Route, Value
from core.routing.batch_tiers import TIERS
from core.services.intake.requests import ImageRequest, accept_bytes, caller_key
from pictureperfect.calibration import synthetic_images
from pictureperfect.deployment import aws_session
from pictureperfect.deployment.outputs import Clients, Deployment, invoke

_WIDTH, _HEIGHT = 640, 480
#: The smallest Batch tier, since Fargate bills at least a minute.
TIER = TIERS[0]


class SmokeRequest(Value, frozen=True, kw_only=True):
    """Customer and pipeline of the images. `kafka`: librdkafka's properties; without them Kafka is not tried."""

    customer: str
    pipeline: str
    kafka: dict[str, str] = msgspec.field(default_factory=dict)
    kafka_topic: str = ""
    #: Doors to leave out.
    skip: frozenset[str] = frozenset()
    #: Seconds to wait for results before they count as missing.
    wait: float = 900.0


class SentImage(Value, frozen=True, kw_only=True):
    """An image that was sent at `at`, in monotonic seconds. `door` and `route` are those expected of its row."""

    item: str
    image_id: str
    door: Door
    route: Route
    at: float


@dataclass(frozen=True)
class DoorSenders:
    """Senders for the doors of one deployment."""

    deployment: Deployment
    clients: Clients
    request: SmokeRequest

    def send(self, advance: Callable[[str], object]) -> tuple[list[SentImage], dict[str, str]]:
        """Send an image through each door. `advance` is called with each door's name.

        Returns the images that were accepted, and the reasons of those that were not, by door.
        """
        doors: dict[str, Callable[[str, bytes], SentImage]] = {"upload": self._upload, "direct": self._direct}
        if self.request.kafka:
            doors["kafka"] = self._kafka
        doors["batch"] = self._batch
        doors = {item: door for item, door in doors.items() if item not in self.request.skip}
        sent: list[SentImage] = []
        missing: dict[str, str] = {}
        for item, door in doors.items():
            try:
                with aws_session.errors_explained():
                    sent.append(door(f"smoke-{item}-{secrets.token_hex(4)}.jpg", _picture()))
            except (click.ClickException, PicturePerfectError) as error:
                missing[item] = f"The image was not accepted: {error}"
            advance(item)
        if self.deployment.kafka_topic and not self.request.kafka and "kafka" not in self.request.skip:
            topic = self.deployment.kafka_topic
            missing["kafka"] = (
                f"The deployment reads the topic {topic}: give --bootstrap-servers to try it, or --skip kafka."
            )
        return sent, missing

    def _upload(self, name: str, body: bytes) -> SentImage:
        bucket = self.deployment.bucket
        key = f"{object_keys.upload_prefix(self.request.customer, self.request.pipeline, str(uuid4()))}{name}"
        put = self.clients.s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="image/jpeg")
        ref = ObjectRef(bucket=bucket, key=key, version=put.get("VersionId"), etag=put["ETag"].strip('"'))
        return self._sent("upload", s3_identity(ref), Door.UPLOAD)

    def _direct(self, name: str, body: bytes) -> SentImage:
        event = {
            "customer": self.request.customer,
            "pipeline": self.request.pipeline,
            "filename": name,
            "image": base64.b64encode(body).decode(),
        }
        began = time.monotonic()
        answer = invoke(self.clients.lambda_, self.deployment.process_function, event)
        return SentImage(item="direct", image_id=answer["image_id"], door=Door.DIRECT, route=Route.LAMBDA, at=began)

    def _kafka(self, name: str, body: bytes) -> SentImage:
        from pictureperfect.kafka.messages import Sender, make_record  # noqa: PLC0415
        from pictureperfect.kafka.producer import RecordProducer  # noqa: PLC0415 - librdkafka

        sender = Sender(customer=self.request.customer, pipeline=self.request.pipeline, once=True)
        record, _ = make_record(sender, name, body, None)
        refused: list[str] = []
        with RecordProducer(
            self.request.kafka, self.request.kafka_topic, lambda _name, reason: refused.append(reason)
        ) as to:
            to.send(record)
        if refused:
            raise click.ClickException(f"the broker did not accept it: {refused[0]}")
        return self._sent("kafka", ("idempotency-key", record.headers["idempotency-key"]), Door.KAFKA)

    def _batch(self, name: str, body: bytes) -> SentImage:
        """Hand over as the function does: stage the source, then send a message to the overflow queue."""
        request = ImageRequest(
            customer=self.request.customer,
            pipeline=self.request.pipeline,
            image=base64.b64encode(body).decode(),
            filename=name,
            idempotency_key=str(uuid4()),
        )
        job, _ = accept_bytes(request, self.deployment.bucket, datetime.now(UTC))
        digest = hashlib.sha256(body).hexdigest()
        store = S3Store(self.clients.s3, self.deployment.bucket)
        store.create(job.source.key, body, "image/jpeg", stored_documents.staged_metadata(job, digest))
        queue = SqsHandovers(self.clients.sqs, self.deployment.overflow_queue_url)
        queue.hand_over(job, "The smoke test asks for a Batch job.", TIER.name)
        return self._sent("batch", caller_key(request) or (), Door.DIRECT, Route.BATCH)

    def _sent(self, item: str, source: tuple[str, ...], door: Door, route: Route = Route.LAMBDA) -> SentImage:
        identity = image_id(self.request.customer, self.request.pipeline, *source)
        return SentImage(item=item, image_id=identity, door=door, route=route, at=time.monotonic())


def _picture() -> bytes:
    """A random JPEG, so that it is a new image."""
    with TemporaryDirectory(prefix="smoke-") as folder:
        path = Path(folder) / "picture"
        synthetic_images.write("jpeg", synthetic_images.Content.PHOTO, _WIDTH, _HEIGHT, secrets.randbelow(2**31), path)
        return path.read_bytes()
