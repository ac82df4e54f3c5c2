"""`pictureperfect status`: what the running cloud has done, and what waits."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from pictureperfect.console import cloud_at, folder_option, json_option, literal, output

if TYPE_CHECKING:
    from localcloud.config import CloudConfig


@click.command()
@click.option("--last", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many images to list.")
@folder_option
@json_option
def status(last: int, folder: Path, as_json: bool) -> None:
    """What the running cloud has done, and what waits: counts, queues, the Kafka topic, the last images, failures."""
    address = cloud_at(folder)
    state = gather(address, last)
    if as_json:
        click.echo(json.dumps(state, default=str))
    else:
        _show(state)


def gather(address: "CloudConfig", last: int) -> dict[str, Any]:
    """All of it as plain values."""
    from localcloud import clients  # noqa: PLC0415
    from localcloud.ledger import Ledger  # noqa: PLC0415

    sqs = clients.sqs(address.endpoint)
    queues = {}
    for name, url in (
        ("incoming", address.incoming_queue_url),
        ("records", address.records_queue_url),
        ("records-dead-letters", address.dead_letter_queue_url),
        ("overflow", address.overflow_queue_url),
        ("overflow-dead-letters", address.overflow_dead_letter_queue_url),
    ):
        counted = sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        )["Attributes"]
        queues[name] = {
            "waiting": int(counted["ApproximateNumberOfMessages"]),
            "in_flight": int(counted["ApproximateNumberOfMessagesNotVisible"]),
        }
    s3 = clients.s3(address.endpoint)
    kept = {
        prefix: [item["Key"] for item in s3.list_objects_v2(Bucket=address.bucket, Prefix=prefix).get("Contents", [])]
        for prefix in ("refused/", "aws/lambda/")
    }
    with Ledger(address.database_url) as ledger:
        return {
            "cloud": msgspec.to_builtins(address),
            "counts": ledger.counts(),
            "queues": queues,
            "topics": {address.kafka_topic: _topic(address)},
            "batch": _batch(address, last),
            "last": ledger.last(last),
            "refused_documents": kept["refused/"],
            "failure_documents": kept["aws/lambda/"],
        }


def _batch(address: "CloudConfig", last: int) -> dict[str, Any]:
    """Queues and last jobs; nothing where no local Batch runs."""
    from localcloud import clients  # noqa: PLC0415
    from pictureperfect.commands.local import batch_status  # noqa: PLC0415

    endpoint = msgspec.to_builtins(address).get("batch_endpoint", "")
    return batch_status.gather(clients.batch(endpoint), last) if endpoint else {}


def _topic(address: "CloudConfig") -> dict[int, dict[str, int]]:
    """By partition, what was written, and what of it the function has not answered for."""
    from localcloud.config import GROUP  # noqa: PLC0415
    from localcloud.kafka_broker import GroupWatch  # noqa: PLC0415

    with GroupWatch(address.kafka_bootstrap_servers, GROUP, address.kafka_topic) as watch:
        return {
            number: {"end": item.end, "committed": item.committed, "lag": item.lag}
            for number, item in watch.progress().items()
        }


def _show(state: dict[str, Any]) -> None:
    from pictureperfect import tables  # noqa: PLC0415
    from pictureperfect.commands.local import batch_status  # noqa: PLC0415

    console = output()
    console.print("[bold]Images by customer[/bold]")
    console.print(tables.counts(state["counts"]))
    console.print("\n[bold]Queues[/bold]")
    queues = tables.plain("queue", "waiting", "in flight")
    for name, depth in state["queues"].items():
        queues.add_row(name, str(depth["waiting"]), str(depth["in_flight"]))
    console.print(queues)
    console.print("\n[bold]Kafka[/bold]")
    topics = tables.plain("topic", "records", "waiting")
    for name, partitions in state["topics"].items():
        ends, lags = (sum(item[key] for item in partitions.values()) for key in ("end", "lag"))
        topics.add_row(name, str(ends), str(lags))
    console.print(topics)
    if state["batch"]:
        console.print("\n[bold]Batch[/bold]")
        console.print(batch_status.queues(state["batch"]))
        console.print(batch_status.jobs(state["batch"]))
    console.print("\n[bold]Last images[/bold]")
    console.print(tables.images(state["last"]))
    for title, documents in (
        ("Refused", state["refused_documents"]),
        ("Failure documents", state["failure_documents"]),
    ):
        console.print(f"\n[bold]{title}[/bold]  {len(documents)}")
        for key in documents:
            console.print(literal(f"  {key}"), soft_wrap=True)
