"""`pictureperfect demo`: the whole system on this machine, and what came out."""

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
    from localcloud.cloudwatch_sums import Sums
    from localcloud.config import CloudConfig

_STRAYS = 1  # records that nobody can say whose they are
_LARGE = 10.0  # megapixels: one of the samples has more, and goes to Batch
_METRICS_SECONDS = 10.0
Row = dict[str, Any]


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-pictures"),
    show_default=True,
    help="Where the pictures go as files.",
)
@click.option("--keep", is_flag=True, help="Stay, with every URL alive, until Ctrl-C.")
@json_option
def demo(out: Path, keep: bool, as_json: bool) -> int:
    """The whole system on this machine: images through every door, and what came out.

    Exit 0 when every image ended as it should: some of the samples are meant to fail.
    """
    from localcloud.cloud import Cloud  # noqa: PLC0415
    from localcloud.config import Options  # noqa: PLC0415 - `--help` needs no cloud

    writable_folder(out)
    try:
        with ended_by_signals(), progress() as bars:
            steps = bars.add_task("starting the cloud", total=5)
            folder = FOLDER / "demo"
            with Cloud(
                folder, Options(lambda_max_megapixels=_LARGE), progress=lambda _step: bars.advance(steps)
            ) as cloud:
                bars.update(steps, completed=5)
                rows, refused = _run(cloud.config, bars)
                report = _report(cloud, rows, refused, out)
                bars.stop()
                click.echo(json.dumps(report, default=str, indent=2)) if as_json else _show(report)
                if keep:
                    notes().print("\nThe URLs work until Ctrl-C.")
                    _stay()
    except KeyboardInterrupt:
        return 0 if keep else 130
    return 1 if report["faults"] else 0


def _run(address: "CloudConfig", bars: "Progress") -> tuple[list[Row], list[Row]]:
    """Send every sample through its door, and wait until the ledger has them all."""
    from pictureperfect.demo import tour  # noqa: PLC0415
    from pictureperfect.demo.painted_images import samples  # noqa: PLC0415

    def complain(message: str) -> None:
        notes().print(literal(message), soft_wrap=True)

    task = bars.add_task("painting and sending", total=len(samples()))
    tour.send(address, lambda: bars.advance(task), complain)
    task = bars.add_task("waiting for the ledger", total=len(samples()))
    return tour.wait(address, lambda count: bars.update(task, completed=count), complain)


def _report(cloud: "Cloud", rows: Sequence[Row], refused: Sequence[Row], out: Path) -> dict[str, Any]:
    """All there is to say, as plain values."""
    from localcloud import clients  # noqa: PLC0415
    from localcloud.ledger import Ledger  # noqa: PLC0415
    from pictureperfect.demo import gallery  # noqa: PLC0415
    from pictureperfect.demo.painted_images import samples  # noqa: PLC0415

    address = cloud.config
    with Ledger(address.database_url) as ledger:
        counts, dollars = ledger.counts(), ledger.dollars()
    faults = [
        f"{row['name']} ended as {row['code'] or row['status']}, and should have as {row['expected']}"
        for row in rows
        if (row["code"] or row["status"]) != row["expected"]
    ]
    wanted = len(samples())
    if len(rows) != wanted or sum(row["images"] for row in counts) != wanted:
        faults.append(f"the ledger has {sum(row['images'] for row in counts)} images, and should have {wanted}")
    if len(refused) != _STRAYS:
        faults.append(f"{len(refused)} records of Kafka were refused, and {_STRAYS} should have been")
    metrics = _metrics(address, wanted)
    counted = sum(value["Images"] for name, value in metrics.items() if name.startswith("status="))
    if counted != wanted:
        faults.append(f"CloudWatch counted {counted:g} images, and should have {wanted}")
    pictures = gallery.export(clients.s3(address.endpoint), address.bucket, rows, out)
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


def _metrics(address: "CloudConfig", wanted: int) -> "Sums":
    """The metrics, once they are complete: a log's lines are read a moment after the result was committed."""
    from localcloud import clients, cloudwatch_sums  # noqa: PLC0415
    from localcloud.config import NAMESPACE  # noqa: PLC0415

    client, until = clients.cloudwatch(address.endpoint), time.monotonic() + _METRICS_SECONDS
    while True:
        found = cloudwatch_sums.sums(client, NAMESPACE)
        counted = sum(value.get("Images", 0) for name, value in found.items() if name.startswith("status="))
        if counted >= wanted or time.monotonic() > until:
            return found
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
    console.print(f"\n{_cost(report['dollars'])}", soft_wrap=True)
    title("Metrics, as CloudWatch has them")
    console.print(tables.metrics(report["metrics"]))
    console.print(tables.other_metrics(report["metrics"]))
    title("Pictures")
    pictures = f"{len(report['pictures'])} files, and a page to look at them: {report['gallery']}"
    console.print(literal(pictures), soft_wrap=True)
    console.print(literal(f"The functions' logs: {report['logs']}"), soft_wrap=True)
    for fault in report["faults"]:
        notes().print(literal(fault, style="red"), soft_wrap=True)


def _cost(dollars: Sequence[Row]) -> str:
    """In a sentence; the seconds are this machine's."""
    from pictureperfect.reports.numbers import usd, usd_column  # noqa: PLC0415

    parts = zip(dollars, usd_column([row["total"] for row in dollars]), strict=True)
    shares = ", ".join(f"{cost} for {row['images']} on {row['route']}" for row, cost in parts)
    return f"On AWS they would have cost {usd(sum(row['total'] for row in dollars))}: {shares}."


def _stay() -> None:
    while True:
        time.sleep(3600)
