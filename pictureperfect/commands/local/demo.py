"""`pictureperfect demo`: runs the embedded cloud, sends images through every door, and reports the results."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pictureperfect.console import (
    FOLDER,
    ended_by_signals,
    json_option,
    literal,
    notes,
    output,
    progress,
    writable_folder,
)

if TYPE_CHECKING:
    from rich.progress import Progress

    from localcloud.cloud import Cloud
    from localcloud.config import CloudConfig
    from localcloud.s3_sqs_cloudwatch.cloudwatch_sums import Sums

_REFUSED_RECORDS = 1  # the Kafka record without a customer
_LAMBDA_MAX_MEGAPIXELS = 10.0  # exceeded by one image, which goes to Batch
_METRICS_SECONDS = 10.0
Row = dict[str, Any]


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-pictures"),
    show_default=True,
    help="Folder for the renditions and their page.",
)
@click.option("--keep", is_flag=True, help="Keep the cloud and its URLs alive until Ctrl-C.")
@json_option
def demo(out: Path, keep: bool, as_json: bool) -> int:
    """Start the embedded cloud, send images through every door, and show the results.

    Exit 0: every image ended as expected; some are expected to fail. 1: one did not.
    """
    from localcloud.cloud import Cloud  # noqa: PLC0415
    from localcloud.config import Options  # noqa: PLC0415 - `--help` needs no cloud

    writable_folder(out)
    try:
        with ended_by_signals(), progress() as bars:
            steps = bars.add_task("starting the cloud", total=5)
            folder = FOLDER / "demo"
            with Cloud(
                folder,
                Options(lambda_max_megapixels=_LAMBDA_MAX_MEGAPIXELS),
                progress=lambda _step: bars.advance(steps),
            ) as cloud:
                bars.update(steps, completed=5)
                rows, refused = _send_and_wait(cloud.config, bars)
                report = _report(cloud, rows, refused, out)
                bars.stop()
                click.echo(json.dumps(report, default=str, indent=2)) if as_json else _show(report)
                if keep:
                    notes().print("\nThe URLs work until Ctrl-C.")
                    _sleep_forever()
    except KeyboardInterrupt:
        return 0 if keep else 130
    return 1 if report["faults"] else 0


def _send_and_wait(config: "CloudConfig", bars: "Progress") -> tuple[list[Row], list[Row]]:
    """Send every image through its door, and wait until the ledger has a row for each."""
    from pictureperfect.demo import tour  # noqa: PLC0415
    from pictureperfect.demo.demo_images import demo_images  # noqa: PLC0415

    def complain(message: str) -> None:
        notes().print(literal(message), soft_wrap=True)

    task = bars.add_task("painting and sending", total=len(demo_images()))
    tour.send(config, lambda: bars.advance(task), complain)
    task = bars.add_task("waiting for the ledger", total=len(demo_images()))
    return tour.wait(config, lambda count: bars.update(task, completed=count), complain)


def _report(cloud: "Cloud", rows: Sequence[Row], refused: Sequence[Row], out: Path) -> dict[str, Any]:
    """The results as plain values; `faults` are the deviations from what was expected."""
    from localcloud import clients  # noqa: PLC0415
    from localcloud.ledger import Ledger  # noqa: PLC0415
    from pictureperfect.demo import gallery  # noqa: PLC0415
    from pictureperfect.demo.demo_images import demo_images  # noqa: PLC0415

    config = cloud.config
    with Ledger(config.database_url) as ledger:
        counts, dollars = ledger.counts(), ledger.dollars()
    faults = [
        f"{row['name']} ended as {row['code'] or row['status']}, and should have as {row['expected']}"
        for row in rows
        if (row["code"] or row["status"]) != row["expected"]
    ]
    expected = len(demo_images())
    if len(rows) != expected or sum(row["images"] for row in counts) != expected:
        faults.append(f"the ledger has {sum(row['images'] for row in counts)} images, and should have {expected}")
    if len(refused) != _REFUSED_RECORDS:
        faults.append(f"{len(refused)} records of Kafka were refused, and {_REFUSED_RECORDS} should have been")
    metrics = _wait_for_metrics(config, expected)
    counted = sum(value["Images"] for name, value in metrics.items() if name.startswith("status="))
    if counted != expected:
        faults.append(f"CloudWatch counted {counted:g} images, and should have {expected}")
    pictures = gallery.write_gallery(clients.s3(config.endpoint), config.bucket, rows, out)
    return {
        "images": list(rows),
        "refused": list(refused),
        "counts": counts,
        "dollars": dollars,
        "metrics": metrics,
        "pictures": [str(path) for path in pictures],
        "gallery": str(out / "index.html"),
        "logs": str(cloud.folder / "logs"),
        "faults": faults,
    }


def _wait_for_metrics(config: "CloudConfig", images: int) -> "Sums":
    """CloudWatch's sums once they count `images`, or after 10 seconds: metrics arrive shortly after the commit."""
    from localcloud import clients  # noqa: PLC0415
    from localcloud.config import NAMESPACE  # noqa: PLC0415
    from localcloud.s3_sqs_cloudwatch import cloudwatch_sums  # noqa: PLC0415

    client, give_up = clients.cloudwatch(config.endpoint), time.monotonic() + _METRICS_SECONDS
    while True:
        sums = cloudwatch_sums.sums(client, NAMESPACE)
        counted = sum(value.get("Images", 0) for name, value in sums.items() if name.startswith("status="))
        if counted >= images or time.monotonic() > give_up:
            return sums
        time.sleep(0.2)


def _show(report: dict[str, Any]) -> None:
    from pictureperfect import tables  # noqa: PLC0415

    console = output()

    def title(text: str) -> None:
        console.print(f"\n[bold]{text}[/bold]\n")

    title("Images")
    console.print(tables.images(report["images"]))
    title("URLs, the largest rendition of each")
    for row in report["images"]:
        if row["renditions"]:
            console.print(literal(f"{row['name']:<13}{row['renditions'][-1]['url']}"), soft_wrap=True)
        else:
            console.print(literal(f"{row['name']:<13}{row['message']}"), soft_wrap=True)
    title("Refused: no image was accepted, and a document says why")
    for document in report["refused"]:
        console.print(literal(f"{document['key']}  {document['message']}"), soft_wrap=True)
    title("Counts, as PostgreSQL has them")
    console.print(tables.counts(report["counts"]))
    console.print(f"\n{_cost_sentence(report['dollars'])}", soft_wrap=True)
    title("Metrics, as CloudWatch has them")
    console.print(tables.metrics(report["metrics"]))
    console.print(tables.other_metrics(report["metrics"]))
    title("Pictures")
    pictures = f"{len(report['pictures'])} files, and a page to look at them: {report['gallery']}"
    console.print(literal(pictures), soft_wrap=True)
    console.print(literal(f"The functions' logs: {report['logs']}"), soft_wrap=True)
    for fault in report["faults"]:
        notes().print(literal(fault, style="red"), soft_wrap=True)


def _cost_sentence(dollars: Sequence[Row]) -> str:
    """The images' cost on AWS as a sentence. Lambda's seconds are those of this machine."""
    from pictureperfect.reports.numbers import usd, usd_column  # noqa: PLC0415

    parts = zip(dollars, usd_column([row["total"] for row in dollars]), strict=True)
    shares = ", ".join(f"{cost} for {row['images']} on {row['route']}" for row, cost in parts)
    return f"On AWS they would have cost {usd(sum(row['total'] for row in dollars))}: {shares}."


def _sleep_forever() -> None:
    while True:
        time.sleep(3600)
