"""One image through each door of a running system, one Batch job; and what of it is seen: rows, metrics, dollars.

The same code serves the embedded cloud and a stack on AWS: `pictureperfect.deployment.outputs` has the addresses.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from core.adapters.aws.s3 import S3Store
from core.domain.model import Door, ObjectRef, Route
from core.routing import prices
from pictureperfect.deployment import aws_session, smoke_page
from pictureperfect.deployment.outputs import Clients, Deployment, invoke
from pictureperfect.deployment.smoke_senders import TIER, Asked, Doors, Sent

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
    """A run. `run` gives what was seen, image by image, then metrics, the page, dollars; `advance` hears of each."""

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
        sent, refused = Doors(self.deployment, self.clients, self.asked).send(self.advance)
        seen = [Seen(what, seen=False, told=told) for what, told in refused.items()]
        rows = {one.what: one for one in self._rows(sent)}
        found = [*seen, *(rows[one.what] for one in sent)]
        if any(one.row for one in found):
            found += self._metrics(sent, counted, since)
        if self.deployment.page_url and "page" not in self.asked.skip:
            found.append(self._page(self.deployment.page_url))
        return [*found, self._dollars(sent, rows)]

    def _page(self, url: str) -> Seen:
        """The page for everyone, its API for nobody without a token."""
        wrong = smoke_page.faults(url)
        self.advance("page")
        told = " ".join(wrong) or f"{url}/ answers; its API answers nobody without a token"
        return Seen("page", seen=not wrong, told=told)

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
        with aws_session.explained():
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
            with aws_session.explained():
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
        """What those images cost by core.routing.prices, before any free tier: work, and S3's requests."""
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
                by_route["Batch"] += price.batch_usd(row["seconds"], TIER, machine)
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


#: Where one looks for what is missing.
_WHERE = {
    "upload": "Look at the log of the function process, at the bucket's notifications, and at the records queue.",
    "direct": "It was answered; look at the records queue and at the log of the function record.",
    "kafka": "Look at the event source mapping's state and its last result, and at the log of the function process.",
    "batch": "Look at the log of the function dispatch, and at the job queue in the console of Batch.",
    "metric": "They leave in the log of what did the work, and may be some minutes late.",
}
