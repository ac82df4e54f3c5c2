"""Thousands of small images from many customers through all entries, and the totals by the senders' own count."""

import base64
import io
import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from PIL import Image

from core.domain.model import Door
from pictureperfect.demo.painted_images import make_bomb_png

CUSTOMERS = ("acme", "alpine", "borealis", "fjord", "harbour", "meadow", "zenith")
#: The pipeline files, by name.
PIPELINES = {
    "one": "renditions: [{name: small, outputs: [{format: jpeg}]}]\n",
    "two": "renditions: [{name: small, steps: [resize: {width: 16, fit: inside}], outputs: [{format: png}, "
    "{format: webp}]}]\n",
}
_RENDITIONS = {"one": 1, "two": 2}
#: LAMBDA_MAX_MEGAPIXELS: larger images are processed in Batch.
LARGE = 0.02
_SIDE = 160
#: The large images of each 400, one after another, so that they share Batch jobs.
_BURST = range(40, 49)
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_DOORS = {"upload": 30, "direct": 22, "reference": 15, "kafka": 25, "kafka+s3": 8}


class Sent(NamedTuple):
    """One image, with its expected result: `format` is None if it is unreadable, `code` None if it is valid."""

    name: str
    customer: str
    door: str
    pipeline: str
    body: bytes
    format: str | None
    code: str | None
    large: bool
    twice: bool

    @property
    def bucket_key(self) -> str:
        """Its key in the bucket, if it is sent through S3."""
        if self.door == "upload":
            return f"incoming/{self.customer}/{self.pipeline}/{self.name}/{self.name}.img"
        return f"library/{self.customer}/{self.name}.img"

    @property
    def headers(self) -> dict[str, str]:
        """The headers of its Kafka record."""
        return {"customer-id": self.customer, "pipeline": self.pipeline, "filename": self.name}

    def request(self, bucket: str) -> dict[str, Any]:
        """The event of a direct invoke, with the bytes or a reference to them."""
        who = {"customer": self.customer, "pipeline": self.pipeline, "filename": self.name}
        if self.door == "reference":
            return {**who, "s3": f"s3://{bucket}/{self.bucket_key}"}
        return {**who, "image": base64.b64encode(self.body).decode(), "idempotency_key": self.name}

    def notification(self, bucket: str, version: str, etag: str) -> str:
        """S3's notification of its upload, to deliver it twice."""
        item = {"key": self.bucket_key, "size": len(self.body), "eTag": etag, "versionId": version, "sequencer": "00A1"}
        record = {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-east-1",
            "eventTime": "2026-11-24T12:00:00.000Z",
            "eventName": "ObjectCreated:Post",
            "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": bucket}, "object": item},
        }
        return json.dumps({"Records": [record]})


class Line(NamedTuple):
    """The attributes that totals are grouped by. `code` is None for processed images."""

    customer: str
    door: str
    route: str
    pipeline: str
    format: str | None
    code: str | None


class Sums(NamedTuple):
    """The totals of one group."""

    images: int
    bytes_in: int
    renditions: int


def storm(count: int, seed: int = 1) -> list[Sent]:
    """`count` images: a tenth invalid, nine of each 400 too large for the function, a third sent twice."""
    return list(_storm(count, random.Random(seed)))


def _storm(count: int, dice: random.Random) -> Iterator[Sent]:
    for number in range(count):
        door = dice.choices(list(_DOORS), list(_DOORS.values()))[0]
        pipeline = dice.choice(list(PIPELINES))
        large, broken = number % 400 in _BURST, number % 10 == 3
        kind = dice.choice(_FORMATS)
        body = _whole(dice, kind, _SIDE if large else dice.randrange(17, 41))
        known: str | None = kind.lower()
        code = None
        if broken and not large:
            body, known, code = _broken(dice, body)
            pipeline = "nowhere" if code == "unknown_pipeline" else pipeline
        yield Sent(
            name=f"storm-{number}",
            customer=dice.choices(CUSTOMERS, range(1, len(CUSTOMERS) + 1))[0],
            door=door,
            pipeline=pipeline,
            body=body,
            format=known,
            code=code,
            large=large,
            twice=number % 3 == 0,
        )


def count_of(images: list[Sent]) -> dict[Line, Sums]:
    """The totals by the senders' count, each image once."""
    found: dict[Line, Counter[str]] = {}
    for image in images:
        door = Door.KAFKA if image.door.startswith("kafka") else Door(image.door)
        route = "batch" if image.large else "lambda"
        line = Line(image.customer, door, route, image.pipeline, image.format, image.code)
        made = 0 if image.code else _RENDITIONS[image.pipeline]
        found.setdefault(line, Counter()).update(images=1, bytes_in=len(image.body), renditions=made)
    return {line: Sums(sums["images"], sums["bytes_in"], sums["renditions"]) for line, sums in found.items()}


def _whole(dice: random.Random, kind: str, side: int) -> bytes:
    """The bytes of a valid image with random content."""
    small = Image.frombytes("RGB", (8, 8), dice.randbytes(192))
    stream = io.BytesIO()
    small.resize((side, side * 3 // 4 if side < _SIDE else side)).save(stream, kind)
    return stream.getvalue()


def _broken(dice: random.Random, body: bytes) -> tuple[bytes, str | None, str]:
    """An invalid image: its bytes, the format that its header names, and the code of its result."""
    ways: list[tuple[bytes, str | None, str]] = [
        (_whole(dice, "PNG", 40)[:-40], "png", "corrupt_image"),
        (dice.randbytes(300), None, "unsupported_format"),
        (b"", None, "empty_file"),
        (make_bomb_png(), "png", "too_many_pixels"),
        (body, None, "unknown_pipeline"),
    ]
    return dice.choice(ways)
