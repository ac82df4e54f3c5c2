"""A storm of small images through all doors, as many customers send them, and the senders' own count of it."""

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
#: Pipeline files of the storm: by name, how many renditions each makes.
PIPELINES = {
    "one": "renditions: [{name: small, outputs: [{format: jpeg}]}]\n",
    "two": "renditions: [{name: small, steps: [resize: {width: 16, fit: inside}], outputs: [{format: png}, "
    "{format: webp}]}]\n",
}
_RENDITIONS = {"one": 1, "two": 2}
#: Larger ones are Batch's; megapixels.
LARGE = 0.02
_SIDE = 160
#: Of each 400 images these are large: near each other, as a scanner sends them, so that they share Batch jobs.
_BURST = range(40, 49)
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_DOORS = {"upload": 30, "direct": 22, "reference": 15, "kafka": 25, "kafka+s3": 8}


class Sent(NamedTuple):
    """One image, and what its sender knows of it. `format` None: nobody could tell; `code` None: it is whole."""

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
        """Where it lies, if it comes by way of S3."""
        if self.door == "upload":
            return f"incoming/{self.customer}/{self.pipeline}/{self.name}/{self.name}.img"
        return f"library/{self.customer}/{self.name}.img"

    @property
    def headers(self) -> dict[str, str]:
        """Those of a record of Kafka."""
        return {"customer-id": self.customer, "pipeline": self.pipeline, "filename": self.name}

    def request(self, bucket: str) -> dict[str, Any]:
        """A direct invoke, with the bytes or a reference to them."""
        who = {"customer": self.customer, "pipeline": self.pipeline, "filename": self.name}
        if self.door == "reference":
            return {**who, "s3": f"s3://{bucket}/{self.bucket_key}"}
        return {**who, "image": base64.b64encode(self.body).decode(), "idempotency_key": self.name}

    def notification(self, bucket: str, version: str, etag: str) -> str:
        """What S3 tells of an upload: again, as it may."""
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
    """What is counted apart. `code` None: processed."""

    customer: str
    door: str
    route: str
    pipeline: str
    format: str | None
    code: str | None


class Sums(NamedTuple):
    """What is counted of a line."""

    images: int
    bytes_in: int
    renditions: int


def storm(count: int, seed: int = 1) -> list[Sent]:
    """So many images: a tenth of them broken in every way, some too large for the function, a third sent twice."""
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
    """What the senders say they sent, each image once."""
    found: dict[Line, Counter[str]] = {}
    for image in images:
        door = Door.KAFKA if image.door.startswith("kafka") else Door(image.door)
        route = "batch" if image.large else "lambda"
        line = Line(image.customer, door, route, image.pipeline, image.format, image.code)
        made = 0 if image.code else _RENDITIONS[image.pipeline]
        found.setdefault(line, Counter()).update(images=1, bytes_in=len(image.body), renditions=made)
    return {line: Sums(sums["images"], sums["bytes_in"], sums["renditions"]) for line, sums in found.items()}


def _whole(dice: random.Random, kind: str, side: int) -> bytes:
    """A picture that no other is like."""
    small = Image.frombytes("RGB", (8, 8), dice.randbytes(192))
    stream = io.BytesIO()
    small.resize((side, side * 3 // 4 if side < _SIDE else side)).save(stream, kind)
    return stream.getvalue()


def _broken(dice: random.Random, body: bytes) -> tuple[bytes, str | None, str]:
    """Broken in one of the ways there are: the bytes, the format as far as it can be told, the code."""
    ways: list[tuple[bytes, str | None, str]] = [
        (_whole(dice, "PNG", 40)[:-40], "png", "corrupt_image"),
        (dice.randbytes(300), None, "unsupported_format"),
        (b"", None, "empty_file"),
        (make_bomb_png(), "png", "too_many_pixels"),
        (body, None, "unknown_pipeline"),
    ]
    return dice.choice(ways)
