"""The picture of the report in the docs: `python -m benchmarks.report_picture` paints a ledger of two months anew.

Twelve customers, some that grow and some that shrink, on a PostgreSQL of its own; the page in Chromium.
"""

import io
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

from PIL import Image
from playwright.sync_api import sync_playwright

from core.adapters.postgres.ledger import PostgresLedger
from core.bootstrap.ledger import report_service
from core.domain.errors import Code
from core.domain.model import (
    Billed,
    Door,
    ImageFormat,
    ImageHeader,
    ObjectRef,
    Rendition,
    Result,
    Route,
    Source,
    Status,
    Usage,
)
from core.ports.reports import Question
from localcloud.postgres import PostgreSQL
from pictureperfect.reports.html import page

OUT = Path(__file__).parents[1] / "docs" / "pictures" / "report.png"
LAST = date(2026, 11, 24)
CUSTOMERS = (
    "acme", "borealis-press", "fjord", "harbour-museum", "alpine-rescue", "zenith", "meadow", "nordlys", "quarry",
    "tidewater", "studio-9", "kestrel",
)  # fmt: skip
_FORMATS = {"jpeg": 60, "png": 15, "heic": 9, "webp": 8, "tiff": 5, "avif": 3}
_ENDS = {None: 984, Code.CORRUPT_IMAGE: 9, Code.UNSUPPORTED_FORMAT: 4, Code.TOO_MANY_PIXELS: 2, Code.TIMED_OUT: 1}
_COLOURS = 96  # so that the file is small; the page has few


def paint() -> None:
    """Make the picture."""
    with PostgreSQL() as database:
        ledger = PostgresLedger(database.url)
        ledger.migrate(retention_days=30)
        images = list(_images(random.Random(5)))  # noqa: S311 - the same picture each time
        for first in range(0, len(images), 500):
            ledger.record(images[first : first + 500], [])
        ledger.close()
        with report_service({"DATABASE_URL": database.url}) as reports:
            report = reports.report(Question(since=LAST - timedelta(days=29), until=LAST))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        shown = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
        shown.set_content(page(report))
        whole = Image.open(io.BytesIO(shown.screenshot(full_page=True))).convert("RGB")
        end = int(shown.locator("#failures").bounding_box()["y"]) - 20  # type: ignore[index]
        browser.close()
    few = whole.crop((0, 0, whole.width, end)).quantize(_COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(OUT, optimize=True)
    print(f"{OUT}: {OUT.stat().st_size:,} bytes, {report.sums.images:,} images")


def _images(dice: random.Random) -> Iterator[Result]:
    trends = {name: dice.uniform(-0.012, 0.02) for name in CUSTOMERS}
    for back in range(60):
        day = LAST - timedelta(days=back)
        for number, name in enumerate(CUSTOMERS):
            usual = 42 / (number + 1) ** 0.8 * (0.42 if day.weekday() > 4 else 1) * (1 + trends[name] * (30 - back))  # noqa: PLR2004 - the weekend
            for _ in range(round(usual * dice.uniform(0.75, 1.25))):
                yield _image(dice, name, day)


def _image(dice: random.Random, customer: str, day: date) -> Result:
    kind = dice.choices(list(_FORMATS), list(_FORMATS.values()))[0]
    code = dice.choices(list(_ENDS), list(_ENDS.values()))[0]
    batch = kind == "tiff" and dice.random() < 0.6  # noqa: PLR2004 - of the scans
    size = int(dice.lognormvariate(14.9, 0.6)) * (12 if batch else 1)
    seconds = dice.lognormvariate(-0.5, 0.5)
    noon = datetime(day.year, day.month, day.day, tzinfo=UTC)
    committed = noon + timedelta(seconds=min(86_399.0, max(0.0, dice.gauss(50_000, 14_000))))
    waited = seconds + dice.lognormvariate(-1, 0.6) + (dice.uniform(60, 240) if batch else 0)
    identity = str(UUID(int=dice.getrandbits(128)))
    if batch:
        billed = Billed(seconds=max(20.0, seconds * 9), memory_mb=8192, vcpus=2, machine="x86_64", tier="2x8")
    else:
        billed = Billed(seconds=seconds + 0.2, memory_mb=3008, vcpus=1.7, machine="x86_64")
    return Result(
        image_id=identity,
        run=0,
        token=identity,
        customer=customer,
        pipeline=dice.choices(("web", "thumbnail", "archive"), (70, 22, 8))[0],
        door=dice.choices(list(Door), (50, 9, 4, 37))[0],
        route=Route.BATCH if batch else Route.LAMBDA,
        reason="It is painted.",
        status=Status.FAILED if code else Status.PROCESSED,
        code=code,
        message="It is broken." if code else None,
        source=Source(object=ObjectRef(bucket="home", key=identity), name="a", bytes=size, sha256="ab"),
        header=None
        if code is Code.UNSUPPORTED_FORMAT
        else ImageHeader(format=kind, width=3000, height=2000, channels=3, depth=8),
        renditions=() if code else tuple(_renditions(dice, identity, size)),
        usage=Usage(seconds=seconds, cpu_seconds=seconds * 0.9, peak_bytes=1 << 28),
        billed=billed,
        received_at=committed - timedelta(seconds=waited),
        committed_at=committed,
        version="0.1.0",
    )


def _renditions(dice: random.Random, identity: str, size: int) -> Iterator[Rendition]:
    largest = size * dice.uniform(0.12, 0.3)
    for number in range(dice.choice((1, 8, 8, 8))):
        key = f"processed/{identity}/{number}"
        yield Rendition(
            name=f"r{number}",
            format=ImageFormat.JPEG,
            width=1,
            height=1,
            bytes=int(largest * 0.62**number),
            sha256="00",
            key=key,
            url=f"https://images.example/{key}",
        )


if __name__ == "__main__":
    paint()
