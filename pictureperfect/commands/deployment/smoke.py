"""`pictureperfect smoke`: whether a deployment does what it is there for."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pictureperfect.console import json_option, literal, notes, output, progress
from pictureperfect.deployment.options import stack_option

if TYPE_CHECKING:
    from pictureperfect.deployment.outputs import Deployment
    from pictureperfect.deployment.smoke import Seen


@click.command()
@stack_option
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="The embedded cloud whose state file lies there, instead of a stack.",
)
@click.option("--customer", default="smoke", show_default=True, help="Whose the images are.")
@click.option("--pipeline", default="thumbnail", show_default=True, help="What is done with them.")
@click.option("--bootstrap-servers", default="", help="The stream's brokers, where the deployment does not say them.")
@click.option("--topic", default="", help="The stream's topic, where the deployment does not say it.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="librdkafka's properties, such as those for TLS and SASL.",
)
@click.option(
    "--skip",
    type=click.Choice(["upload", "direct", "kafka", "batch", "page"]),
    multiple=True,
    help="A door that is not tried, such as a stream that cannot be reached from here; may be said again.",
)
@click.option("--wait", type=click.FloatRange(0), default=900.0, show_default=True, help="Seconds.")
@json_option
def smoke(
    stack: str,
    folder: Path | None,
    customer: str,
    pipeline: str,
    bootstrap_servers: str,
    topic: str,
    config: Path | None,
    skip: tuple[str, ...],
    wait: float,
    as_json: bool,
) -> int:
    """One image through each door of a deployment, one Batch job; then their rows, metrics, the page and dollars.

    Exit 0: all was seen. 1: something is missing, and is named.
    """
    from pictureperfect.deployment import smoke as smoking  # noqa: PLC0415 - OpenCV and boto3, not for `--help`
    from pictureperfect.deployment.outputs import find  # noqa: PLC0415
    from pictureperfect.deployment.smoke_senders import Asked  # noqa: PLC0415

    deployment, clients = find(stack, folder)
    asked = Asked(
        customer=customer,
        pipeline=pipeline,
        kafka=_properties(deployment, bootstrap_servers, config),
        kafka_topic=topic or deployment.kafka_topic or "images",
        skip=frozenset(skip),
        wait=wait,
    )
    with progress() as bars:
        task = bars.add_task("sending, and waiting", total=None)
        run = smoking.Smoke(deployment, clients, asked, lambda what: bars.update(task, description=what, advance=1))
        seen = run.run()
    missing = [one for one in seen if not one.seen]
    if as_json:
        click.echo(json.dumps({"seen": [asdict(one) for one in seen], "usd": run.usd, "missing": len(missing)}))
    else:
        _show(seen)
    for one in missing:
        notes().print(literal(f"{one.what} is missing. {one.told}"), soft_wrap=True)
    return 1 if missing else 0


def _properties(deployment: "Deployment", servers: str, config: Path | None) -> dict[str, str]:
    """librdkafka's, where the stream can be reached: the brokers are said here, there, or in the file."""
    from pictureperfect.kafka.messages import read_properties  # noqa: PLC0415

    found = read_properties(config) if config else {}
    servers = servers or found.get("bootstrap.servers", "") or deployment.kafka_bootstrap_servers
    return {**found, "bootstrap.servers": servers} if servers else {}


def _show(seen: "list[Seen]") -> None:
    from pictureperfect import tables  # noqa: PLC0415

    table = tables.plain("what", "seen", "after", "result")
    for one in seen:
        after = "" if one.seconds is None else f"{one.seconds:.1f} s"
        table.add_row(one.what, literal("yes") if one.seen else literal("no", style="red"), after, one.told)
    output().print(table)
