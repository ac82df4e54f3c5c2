"""`pictureperfect status`: what the running cloud has done, and what waits."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from local.console import cloud_at, folder_option, json_option, output

if TYPE_CHECKING:
    from local.cloud import Address


@click.command()
@click.option("--last", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many images to list.")
@folder_option
@json_option
def status(last: int, folder: Path, as_json: bool) -> None:
    """What the running cloud has done, and what waits: counts, queues, the last images, failures."""
    address = cloud_at(folder)
    state = gather(address, last)
    if as_json:
        click.echo(json.dumps(state, default=str))
    else:
        _show(state)


def gather(address: "Address", last: int) -> dict[str, Any]:
    """All of it as plain values."""
    from local import aws  # noqa: PLC0415
    from local.ledger import Ledger  # noqa: PLC0415

    sqs = aws.sqs(address.endpoint)
    queues = {}
    for name, url in (
        ("incoming", address.incoming_queue_url),
        ("records", address.records_queue_url),
        ("records-dead-letters", address.dead_letter_queue_url),
    ):
        counted = sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        )["Attributes"]
        queues[name] = {
            "waiting": int(counted["ApproximateNumberOfMessages"]),
            "in_flight": int(counted["ApproximateNumberOfMessagesNotVisible"]),
        }
    listed = aws.s3(address.endpoint).list_objects_v2(Bucket=address.bucket, Prefix="failures/")
    with Ledger(address.database_url) as ledger:
        return {
            "cloud": msgspec.to_builtins(address),
            "counts": ledger.counts(),
            "queues": queues,
            "last": ledger.last(last),
            "failure_documents": [item["Key"] for item in listed.get("Contents", [])],
        }


def _show(state: dict[str, Any]) -> None:
    from local import tables  # noqa: PLC0415

    console = output()
    console.print("[bold]Images by customer[/bold]")
    console.print(tables.counts(state["counts"]))
    console.print("\n[bold]Queues[/bold]")
    queues = tables.plain("queue", "waiting", "in flight")
    for name, depth in state["queues"].items():
        queues.add_row(name, str(depth["waiting"]), str(depth["in_flight"]))
    console.print(queues)
    console.print("\n[bold]Last images[/bold]")
    console.print(tables.images(state["last"]))
    documents = state["failure_documents"]
    console.print(f"\n[bold]Failure documents[/bold]  {len(documents)}")
    for key in documents:
        console.print(f"  {key}", soft_wrap=True)
