"""`pictureperfect smoke`: test a deployment with one image through each door."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pictureperfect.console import json_option, literal, notes, output, progress
from pictureperfect.deployment.options import stack_option

if TYPE_CHECKING:
    from pictureperfect.deployment.outputs import Deployment
    from pictureperfect.deployment.smoke import Check


@click.command()
@stack_option
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Test the embedded cloud with its state file in this folder, instead of a stack.",
)
@click.option("--customer", default="smoke", show_default=True, help="Customer of the images.")
@click.option("--pipeline", default="thumbnail", show_default=True, help="Pipeline of the images.")
@click.option("--bootstrap-servers", default="", help="Kafka brokers, if the deployment does not name them.")
@click.option("--topic", default="", help="Kafka topic, if the deployment does not name it.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with librdkafka's properties, such as those for TLS and SASL.",
)
@click.option(
    "--skip",
    type=click.Choice(["upload", "direct", "kafka", "batch", "page"]),
    multiple=True,
    help="Leave out a door, such as a Kafka that cannot be reached from here; repeatable.",
)
@click.option("--wait", type=click.FloatRange(0), default=900.0, show_default=True, help="Seconds to wait for results.")
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
    """Test a deployment: send an image through each door and run a Batch job.

    Then checks rows, files, metrics and the page, and prints the cost. Exit 0 if every check passes; otherwise 1, with
    the missing results named.
    """
    from pictureperfect.deployment.outputs import find_deployment  # noqa: PLC0415 - boto3, not for `--help`
    from pictureperfect.deployment.smoke import SmokeTest  # noqa: PLC0415 - OpenCV
    from pictureperfect.deployment.smoke_senders import SmokeRequest  # noqa: PLC0415

    deployment, clients = find_deployment(stack, folder)
    request = SmokeRequest(
        customer=customer,
        pipeline=pipeline,
        kafka=_properties(deployment, bootstrap_servers, config),
        kafka_topic=topic or deployment.kafka_topic or "images",
        skip=frozenset(skip),
        wait=wait,
    )
    with progress() as bars:
        task = bars.add_task("sending, and waiting", total=None)
        test = SmokeTest(deployment, clients, request, lambda step: bars.update(task, description=step, advance=1))
        checks = test.run()
    missing = [check for check in checks if not check.passed]
    if as_json:
        click.echo(json.dumps({"seen": [check.fields for check in checks], "usd": test.usd, "missing": len(missing)}))
    else:
        _show(checks)
    for check in missing:
        notes().print(literal(f"{check.item} is missing. {check.message}"), soft_wrap=True)
    return 1 if missing else 0


def _properties(deployment: "Deployment", servers: str, config: Path | None) -> dict[str, str]:
    """Properties of librdkafka, with the brokers of the option, the file or the deployment; empty without brokers."""
    from pictureperfect.kafka.messages import read_properties  # noqa: PLC0415

    properties = read_properties(config) if config else {}
    servers = servers or properties.get("bootstrap.servers", "") or deployment.kafka_bootstrap_servers
    return {**properties, "bootstrap.servers": servers} if servers else {}


def _show(checks: "list[Check]") -> None:
    from pictureperfect import tables  # noqa: PLC0415

    table = tables.plain("what", "seen", "after", "result")
    for check in checks:
        after = "" if check.seconds is None else f"{check.seconds:.1f} s"
        passed = literal("yes") if check.passed else literal("no", style="red")
        table.add_row(check.item, passed, after, check.message)
    output().print(table)
