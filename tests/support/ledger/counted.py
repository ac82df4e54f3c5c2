"""A few hundred generated images, and their sums computed without the ledger."""

import random
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec

from core.domain.errors import Code
from core.domain.model import Billed, Door, ImageFormat, ImageHeader, Rendition, Result, Route, Status, Usage
from core.ports.reports import Sums
from core.routing import prices
from core.routing.batch_tiers import TIERS
from tests.support.values import result

LAST = date(2026, 11, 24)
CUSTOMERS = ("acme", "borealis", "fjord", "harbour", "zenith")
_STATUSES = (None, None, None, None, Code.CORRUPT_IMAGE, Code.TOO_MANY_PIXELS)


def images(count: int = 400, days: int = 40, seed: int = 7) -> list[Result]:
    """Images of the `days` days up to LAST: 10 % ran on Batch, a third failed, some have no header."""
    dice = random.Random(seed)
    return [_image(dice, days) for _ in range(count)]


def _image(dice: random.Random, days: int) -> Result:
    identity = str(UUID(int=dice.getrandbits(128)))
    code = dice.choice(_STATUSES)
    batch = dice.random() < 0.1
    tier = dice.choice(TIERS[:3]) if batch else None
    kind = dice.choice(("jpeg", "png", "heic", None)) if code else dice.choice(("jpeg", "png", "heic"))
    committed = datetime(LAST.year, LAST.month, LAST.day, tzinfo=UTC) + timedelta(
        days=-dice.randrange(days), seconds=dice.randrange(86_400)
    )
    made = () if code else tuple(_rendition(dice, identity, number) for number in range(dice.randrange(1, 4)))
    billed = Billed(
        seconds=round(dice.uniform(60, 300) if batch else dice.uniform(0.1, 4), 6),
        memory_mb=tier.memory_mb if tier else 3008,
        vcpus=float(tier.vcpus) if tier else 1.7,
        machine=dice.choice(("x86_64", "aarch64")),
        tier=tier.name if tier else "",
    )
    standard = result(image_id=identity)
    return msgspec.structs.replace(
        standard,
        customer=dice.choices(CUSTOMERS, (8, 5, 3, 2, 1))[0],
        pipeline=dice.choice(("web", "thumbnail")),
        door=dice.choice(list(Door)),
        route=Route.BATCH if batch else Route.LAMBDA,
        status=Status.FAILED if code else Status.PROCESSED,
        code=code,
        message="It is broken." if code else None,
        source=msgspec.structs.replace(standard.source, bytes=dice.randrange(1_000, 4_000_000)),
        header=ImageHeader(format=kind, width=100, height=80, channels=3, depth=8) if kind else None,
        renditions=made,
        usage=Usage(seconds=dice.uniform(0.1, 2), cpu_seconds=round(dice.uniform(0.1, 2), 6), peak_bytes=1 << 27),
        billed=billed,
        received_at=committed - timedelta(seconds=dice.lognormvariate(0, 1.5)),
        committed_at=committed,
    )


def _rendition(dice: random.Random, identity: str, number: int) -> Rendition:
    return Rendition(
        name=f"r{number}",
        format=ImageFormat.JPEG,
        width=50,
        height=40,
        bytes=dice.randrange(500, 1_000_000),
        sha256="00",
        key=f"processed/{identity}/{number}",
        url=f"https://images.example/{identity}/{number}",
    )


def usd(image: Result) -> float:
    """An image's cost by the price file. Files do not expire, so storage is that of a month."""
    price_file, billed = prices.load(), image.billed
    assert billed is not None
    if image.route is Route.BATCH:
        price = price_file.fargate[billed.machine]
        compute = billed.seconds / 3600 * (billed.vcpus * price.vcpu_hour + billed.memory_mb / 1024 * price.gb_hour)
    else:
        compute = price_file.lambda_usd(billed.seconds, billed.memory_mb, billed.machine)
    kept = (image.source.bytes or 0) + sum(rendition.bytes for rendition in image.renditions)
    return compute + price_file.requests_usd(len(image.renditions)) + kept / 2**30 * price_file.s3.gb_month


def sums(images: Iterable[Result]) -> Sums:
    """The sums of these images."""
    total = Sums()
    for image in images:
        made = [rendition.bytes for rendition in image.renditions]
        total += Sums(
            images=1,
            failed=int(image.status is Status.FAILED),
            outputs=len(made),
            bytes_in=image.source.bytes or 0,
            bytes_out=sum(made),
            bytes_saved=(image.source.bytes or 0) - max(made) if made else 0,
            cpu_seconds=image.usage.cpu_seconds,
            usd=usd(image),
        )
    return total


def by(images: Iterable[Result], pick: Callable[[Result], object]) -> dict[object, Sums]:
    """The sums by the value that `pick` returns for an image."""
    groups: dict[object, list[Result]] = {}
    for image in images:
        groups.setdefault(pick(image), []).append(image)
    return {name: sums(group) for name, group in groups.items()}


#: The dimensions of a report, each as a function of an image.
PICKS: dict[str, Callable[[Result], object]] = {
    "customer": lambda image: image.customer,
    "source": lambda image: str(image.door),
    "route": lambda image: str(image.route),
    "format": lambda image: image.header.format if image.header else "other",
    "pipeline": lambda image: image.pipeline,
}
