"""`pictureperfect status`: results, queues, Kafka lag and Batch jobs of the running cloud."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from pictureperfect.console import cloud_at, folder_option, json_option, literal, output

if TYPE_CHECKING:
    from localcloud.config import CloudConfig


@click.command()
@click.option(
    "--last",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    help="Number of images and Batch jobs to list.",
)
@folder_option
@json_option
def status(last: int, folder: Path, as_json: bool) -> None:
    """Show the running cloud's counts, queues, Kafka topic, Batch jobs, last images and failures."""
    config = cloud_at(folder)
    state = gather(config, last)
    if as_json:
        click.echo(json.dumps(state, default=str))
    else:
        _show(state)


def gather(config: "CloudConfig", last: int) -> dict[str, Any]:
    """The state as plain values, with the `last` images and Batch jobs."""
    from localcloud import clients  # noqa: PLC0415
    from localcloud.ledger import Ledger  # noqa: PLC0415

    sqs = clients.sqs(config.endpoint)
    queues = {}
    for name, url in (
        ("incoming", config.incoming_queue_url),
        ("records", config.records_queue_url),
        ("records-dead-letters", config.dead_letter_queue_url),
        ("overflow", config.overflow_queue_url),
        ("overflow-dead-letters", config.overflow_dead_letter_queue_url),
    ):
        attributes = sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        )["Attributes"]
        queues[name] = {
            "waiting": int(attributes["ApproximateNumberOfMessages"]),
            "in_flight": int(attributes["ApproximateNumberOfMessagesNotVisible"]),
        }
    s3 = clients.s3(config.endpoint)
    documents = {
        prefix: [item["Key"] for item in s3.list_objects_v2(Bucket=config.bucket, Prefix=prefix).get("Contents", [])]
        for prefix in ("refused/", "aws/lambda/")
    }
    with Ledger(config.database_url) as ledger:
        return {
            "cloud": msgspec.to_builtins(config),
            "counts": ledger.counts(),
            "queues": queues,
            "topics": {config.kafka_topic: _topic(config)},
            "batch": _batch(config, last),
            "last": ledger.last(last),
            "refused_documents": documents["refused/"],
            "failure_documents": documents["aws/lambda/"],
        }


def _batch(config: "CloudConfig", last: int) -> dict[str, Any]:
    """Batch's queues and last jobs; empty for a cloud without Batch."""
    from localcloud import clients  # noqa: PLC0415
    from pictureperfect.commands.local import batch_status  # noqa: PLC0415

    endpoint = msgspec.to_builtins(config).get("batch_endpoint", "")
    return batch_status.gather(clients.batch(endpoint), last) if endpoint else {}


def _topic(config: "CloudConfig") -> dict[int, dict[str, int]]:
    """By partition: the end offset, the committed offset, and the lag."""
    from localcloud.config import GROUP  # noqa: PLC0415
    from localcloud.kafka_broker import GroupWatch  # noqa: PLC0415

    with GroupWatch(config.kafka_bootstrap_servers, GROUP, config.kafka_topic) as watch:
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
        console.print(batch_status.queues_table(state["batch"]))
        console.print(batch_status.jobs_table(state["batch"]))
    console.print("\n[bold]Last images[/bold]")
    console.print(tables.images(state["last"]))
    for title, documents in (
        ("Refused", state["refused_documents"]),
        ("Failure documents", state["failure_documents"]),
    ):
        console.print(f"\n[bold]{title}[/bold]  {len(documents)}")
        for key in documents:
            console.print(literal(f"  {key}"), soft_wrap=True)
