"""`pictureperfect up`: runs the embedded cloud until Ctrl-C."""

import os
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pictureperfect import numbers
from pictureperfect.console import dimensions, ended_by_signals, folder_option, notes, pipelines_option, printable

if TYPE_CHECKING:
    from localcloud.cloud import Cloud


@click.command()
@folder_option
@pipelines_option
@click.option(
    "--timeout",
    type=click.FloatRange(1, 900),
    default=60.0,
    show_default=True,
    help="Time-out of the functions, in seconds.",
)
@click.option(
    "--memory",
    type=click.IntRange(512, 10_240),
    default=2048,
    show_default=True,
    help="Memory of the functions, in MB.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    help="Concurrent invocations of `process`; by default as many as CPUs, from 2 to 8.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    help="Port of the page, of Lambda's API and of Batch's API; any free one by default.",
)
def up(folder: Path, pipelines: Path | None, timeout: float, memory: int, concurrency: int | None, port: int) -> None:
    """Run the embedded cloud until Ctrl-C.

    It has S3, SQS, Kafka, CloudWatch, PostgreSQL, Batch and the functions, with fresh data. It needs no AWS account and
    no Docker. The variables OPERATIONS and PYTHONPATH add a company's own code: docs/reference/company-code.md.
    """
    import msgspec  # noqa: PLC0415 - `--help` needs none of these

    from localcloud.cloud import Cloud  # noqa: PLC0415
    from localcloud.config import Options, running  # noqa: PLC0415

    other = running(folder)
    if other:
        raise click.ClickException(f"A cloud is running in {folder} already, as process {other.pid}.")
    options = Options(
        pipelines=str(pipelines.resolve()) if pipelines else "",
        operations=os.environ.get("OPERATIONS", ""),
        python_path=os.pathsep.join(
            str(Path(path).resolve()) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path
        ),
        timeout=timeout,
        memory_mb=memory,
        page_port=port,
    )
    if concurrency:
        options = msgspec.structs.replace(options, concurrency=concurrency)
    console = notes()
    try:
        with ended_by_signals(), ExitStack() as stack:
            with console.status("Starting") as status:
                cloud = stack.enter_context(Cloud(folder, options, lambda step: status.update(f"Starting {step}")))
            _print_endpoints(cloud)
            _print_ended_images(cloud.config.database_url)
    except KeyboardInterrupt:
        console.print("The cloud has ended.")


def _print_endpoints(cloud: "Cloud") -> None:
    config = cloud.config
    lines = (
        ("the page", f"{config.page_url}/"),
        ("S3, SQS, CloudWatch", config.endpoint),
        ("Lambda", config.lambda_endpoint),
        ("bucket", config.bucket),
        ("records queue", config.records_queue_url),
        ("Kafka", f"{config.kafka_bootstrap_servers}, topic {config.kafka_topic}"),
        ("PostgreSQL", config.database_url),
        ("logs", str(cloud.folder / "logs")),
        ("state file", str(cloud.state_file)),
    )
    for name, value in lines:
        click.echo(f"{name:<20} {value}")
    click.echo(
        "\nTry it from another terminal:\n"
        "  pictureperfect submit photo.jpg --customer acme --pipeline web\n"
        "  pictureperfect stream photos --customer acme --pipeline web --rate 20\n"
        "  pictureperfect status\n"
        "\nCtrl-C ends the cloud and removes its data.\n"
    )


def _print_ended_images(database_url: str) -> None:
    """Print a line for each image that ends. Does not return."""
    from localcloud.ledger import Ledger  # noqa: PLC0415

    last_seen = datetime.now(UTC)
    with Ledger(database_url) as ledger:
        while True:
            for row in ledger.since(last_seen):
                last_seen = max(last_seen, row["committed_at"])
                click.echo(_image_line(row))
            time.sleep(0.3)


def _image_line(row: dict[str, Any]) -> str:
    committed: datetime = row["committed_at"]
    outcome = "processed" if row["status"] == "processed" else f"failed: {row['code']}: {row['message']}"
    return printable(
        f"{committed.astimezone():%H:%M:%S}  {row['customer']}  {row['name']}  {row['format'] or '?'}  "
        f"{dimensions(row['width'], row['height'])}  {numbers.size(row['source_bytes'])}  {row['route']}  "
        f"{row['seconds']:.2f} s  {outcome}"
    )
