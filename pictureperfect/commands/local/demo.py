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

    from localcloud.config import CloudConfig

_LAMBDA_MAX_MEGAPIXELS = 10.0  # exceeded by one image, which goes to Batch
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

    Exit 0: every image ended as expected; some are expected to fail. 1: an image did not end as expected.
    """
    from localcloud.cloud import Cloud  # noqa: PLC0415
    from localcloud.config import Options  # noqa: PLC0415 - `--help` needs no cloud
    from pictureperfect.demo import results  # noqa: PLC0415

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
                report = results.gather(cloud, rows, refused, out)
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

    def report_failure(message: str) -> None:
        notes().print(literal(message), soft_wrap=True)

    task = bars.add_task("painting and sending", total=len(demo_images()))
    tour.send(config, lambda: bars.advance(task), report_failure)
    task = bars.add_task("waiting for the ledger", total=len(demo_images()))
    return tour.wait(config, lambda count: bars.update(task, completed=count), report_failure)


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
    title("Refused Kafka records, with their documents")
    for document in report["refused"]:
        console.print(literal(f"{document['key']}  {document['message']}"), soft_wrap=True)
    title("Counts in PostgreSQL")
    console.print(tables.counts(report["counts"]))
    console.print(f"\n{_cost_sentence(report['dollars'])}", soft_wrap=True)
    title("Metrics in CloudWatch")
    console.print(tables.metrics(report["metrics"]))
    console.print(tables.other_metrics(report["metrics"]))
    title("Pictures")
    pictures = f"{len(report['pictures'])} files, and a page that shows them: {report['gallery']}"
    console.print(literal(pictures), soft_wrap=True)
    console.print(literal(f"The functions' logs: {report['logs']}"), soft_wrap=True)
    for fault in report["faults"]:
        notes().print(literal(fault, style="red"), soft_wrap=True)


def _cost_sentence(dollars: Sequence[Row]) -> str:
    """The images' cost on AWS as a sentence. Lambda's seconds are those of this machine."""
    from pictureperfect.numbers import usd, usd_column  # noqa: PLC0415

    parts = zip(dollars, usd_column([row["total"] for row in dollars]), strict=True)
    shares = ", ".join(f"{cost} for {row['images']} on {row['route']}" for row, cost in parts)
    return f"On AWS the images would have cost {usd(sum(row['total'] for row in dollars))}: {shares}."


def _sleep_forever() -> None:
    while True:
        time.sleep(3600)
