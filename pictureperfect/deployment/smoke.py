"""The smoke test: an image through each door, a Batch job, and checks of rows, files, metrics, page and cost.

It runs on the embedded cloud and on a stack on AWS alike: `pictureperfect.deployment.outputs` tells the two apart.
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
from pictureperfect.deployment.smoke_senders import TIER, DoorSenders, SentImage, SmokeRequest

#: The dimensions of the metric Images that are checked.
_DIMENSIONS = ("source", "route")
#: Their values for the images that are sent.
_DOORS_AND_ROUTES = (
    (Door.UPLOAD, Route.LAMBDA),
    (Door.DIRECT, Route.LAMBDA),
    (Door.KAFKA, Route.LAMBDA),
    (Door.DIRECT, Route.BATCH),
)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0  # seconds between two polls


@dataclass
class Check:
    """The result of one check. `message` is the result, or the fault and where to look for its cause."""

    item: str
    passed: bool
    message: str
    seconds: float | None = None
    row: dict[str, Any] | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of `smoke --json`."""
        return {
            "what": self.item,
            "seen": self.passed,
            "told": self.message,
            "seconds": self.seconds,
            "row": self.row,
        }


@dataclass
class SmokeTest:
    """A run of the test. `advance` is called with the name of each step; `usd` is the cost once `run` has ended."""

    deployment: Deployment
    clients: Clients
    request: SmokeRequest
    advance: Callable[[str], object] = lambda _step: None
    usd: float | None = None
    _began: float = field(default_factory=time.monotonic)

    def run(self) -> list[Check]:
        """Checks of the images, then of the metrics, the page and the cost. Raises ClickException if AWS refuses."""
        since = datetime.now(UTC).replace(second=0, microsecond=0)
        counts = self._image_counts(since)
        sent, refused = DoorSenders(self.deployment, self.clients, self.request).send(self.advance)
        rows = {check.item: check for check in self._rows(sent)}
        checks = [Check(item, passed=False, message=reason) for item, reason in refused.items()]
        checks += [rows[image.item] for image in sent]
        if any(check.row for check in checks):
            checks += self._metrics(sent, counts, since)
        if self.deployment.page_url and "page" not in self.request.skip:
            checks.append(self._page(self.deployment.page_url))
        return [*checks, self._dollars(sent, rows)]

    def _page(self, url: str) -> Check:
        faults = smoke_page.page_faults(url)
        self.advance("page")
        message = " ".join(faults) or f"{url}/ answers; its API answers 401 without a token"
        return Check("page", passed=not faults, message=message)

    def _rows(self, sent: list[SentImage]) -> Iterator[Check]:
        """A check of each image's row in the database, in the order of their arrival."""
        waiting, last_error = {image.image_id: image for image in sent}, ""
        for _ in self._polls():
            for image in list(waiting.values()):
                try:
                    answer = invoke(
                        self.clients.lambda_,
                        self.deployment.admin_function,
                        {"action": "image", "image_id": image.image_id},
                    )
                except click.ClickException as error:  # perhaps the database is resuming: ask again
                    last_error = f" {error.message}"
                    continue
                if answer["image"]:
                    del waiting[image.image_id]
                    self.advance(f"{image.item}: row")
                    yield self._check_row(image, answer["image"])
            if not waiting:
                return
        for image in waiting.values():
            message = f"Image {image.image_id} has no row yet.{last_error} {_WHERE_TO_LOOK[image.item]}"
            yield Check(image.item, passed=False, message=message)

    def _check_row(self, image: SentImage, row: Mapping[str, Any]) -> Check:
        seconds = time.monotonic() - image.at
        fault = self._row_fault(image, row)
        if fault:
            return Check(image.item, passed=False, message=fault, seconds=seconds, row=dict(row))
        files = _count_files(len(row["renditions"]))
        message = f"processed by {row['route']}, {files}, {row['seconds']:.2f} s of work; image {image.image_id}"
        return Check(image.item, passed=True, message=message, seconds=seconds, row=dict(row))

    def _row_fault(self, image: SentImage, row: Mapping[str, Any]) -> str:
        """A sentence if the image failed, lacks files in the bucket, or took another route; else empty."""
        if row["status"] != "processed":
            return f"Image {image.image_id} ended {row['status']}, {row['code']}: {row['message']}"
        keys = [rendition["key"] for rendition in row["renditions"]]
        store = S3Store(self.clients.s3, self.deployment.bucket)
        with aws_session.errors_explained():
            lost = [key for key in keys if store.head(ObjectRef(bucket=self.deployment.bucket, key=key)) is None]
        if not keys:
            return "The row names no file."
        if lost:
            return f"The row names {_count_files(len(keys))}; not in the bucket: {', '.join(lost)}."
        if row["route"] != image.route:
            return f"The route was {row['route']}, not {image.route}: {row['reason']}"
        return ""

    def _metrics(self, sent: list[SentImage], before: Mapping[tuple[str, str], float], since: datetime) -> list[Check]:
        """A check for each door and route that the metric Images grew by the count of images sent there."""
        wanted = Counter((image.door.value, image.route.value) for image in sent)
        after: dict[tuple[str, str], float] = {}
        for _ in self._polls():
            now = self._image_counts(since)
            for pair, count in wanted.items():
                if pair not in after and now.get(pair, 0) - before.get(pair, 0) >= count:
                    after[pair] = time.monotonic() - self._began
                    self.advance(f"metric: {' '.join(pair)}")
            if len(after) == len(wanted):
                break
        checks = []
        for (door, route), count in wanted.items():
            seconds = after.get((door, route))
            growth = f"grew by {count}" if seconds else f"did not grow by {count}. {_WHERE_TO_LOOK['metric']}"
            message = f"Images of source={door}, route={route} {growth}"
            checks.append(Check("metric", passed=seconds is not None, message=message, seconds=seconds))
        return checks

    def _image_counts(self, since: datetime) -> dict[tuple[str, str], float]:
        """The metric Images by door and route, from the minute `since` on."""
        counts = {}
        for values in _DOORS_AND_ROUTES:
            with aws_session.errors_explained():
                points = self.clients.cloudwatch.get_metric_statistics(
                    Namespace=self.deployment.metrics_namespace,
                    MetricName="Images",
                    Dimensions=[
                        {"Name": name, "Value": value} for name, value in zip(_DIMENSIONS, values, strict=True)
                    ],
                    StartTime=since,
                    EndTime=datetime.now(UTC) + timedelta(minutes=1),
                    Period=60,
                    Statistics=["Sum"],
                )["Datapoints"]
            counts[values[0].value, values[1].value] = sum(point["Sum"] for point in points)
        return counts

    def _dollars(self, sent: list[SentImage], rows: Mapping[str, Check]) -> Check:
        """The cost of the images by core.routing.prices, before any free tier: compute and S3 requests."""
        price, machine = prices.load(), self.deployment.machine
        by_route = {"Batch": 0.0, "Lambda": 0.0, "S3": 0.0}
        priced = 0
        for image in sent:
            row = rows[image.item].row
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
        message = f"${self.usd:.6f} for {priced} images ({parts}), at the prices of {price.region} of {price.date}"
        if not priced:
            return Check("dollars", passed=False, message="No image ended, so there is no cost.")
        return Check("dollars", passed=True, message=message)

    def _polls(self) -> Iterator[None]:
        """At least one poll, then more with growing pauses until the time is up."""
        pause = _FIRST_PAUSE
        while True:
            yield
            if time.monotonic() + pause > self._began + self.request.wait:
                return
            time.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 1.3)


def _count_files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


#: The place to look for the cause of a missing item.
_WHERE_TO_LOOK = {
    "upload": "Look at the log of the function process, at the bucket's notifications, and at the records queue.",
    "direct": "The function answered. Look at the records queue and at the log of the function record.",
    "kafka": "Look at the event source mapping's state and its last result, and at the log of the function process.",
    "batch": "Look at the log of the function dispatch, and at the job queue in the console of Batch.",
    "metric": "Metrics leave in the log of the function or job, and may be some minutes late.",
}
