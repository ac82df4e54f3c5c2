"""`pictureperfect up`: the embedded cloud, until someone ends it."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pictureperfect.console import dimensions, ended_by_signals, folder_option, notes, pipelines_option, printable
from pictureperfect.reports import numbers

if TYPE_CHECKING:
    from localcloud.cloud import Cloud


@click.command()
@folder_option
@pipelines_option
@click.option("--timeout", type=click.FloatRange(1, 900), default=60.0, show_default=True, help="Of a function, in s.")
@click.option(
    "--memory", type=click.IntRange(512, 10_240), default=2048, show_default=True, help="Of a function, in MB."
)
@click.option("--concurrency", type=click.IntRange(1, 64), help="Images at once; one for each CPU by default.")
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Of the page; any that is free by default.")
def up(folder: Path, pipelines: Path | None, timeout: float, memory: int, concurrency: int | None, port: int) -> None:
    """The embedded cloud, until Ctrl-C.

    S3, SQS, Kafka, CloudWatch, PostgreSQL and the functions, with fresh data. Needs no account and no Docker.
    A company's own code is found by the variables OPERATIONS and PYTHONPATH, as docs/reference/company-code.md says.
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
        with ended_by_signals():
            with console.status("Starting") as status:
                cloud = Cloud(folder, options, lambda step: status.update(f"Starting {step}"))
                cloud.__enter__()
            try:
                _explain(cloud)
                _follow(cloud.address.database_url)
            finally:
                cloud.__exit__(None, None, None)
    except KeyboardInterrupt:
        console.print("Ended; nothing is left running.")


def _explain(cloud: "Cloud") -> None:
    address = cloud.address
    lines = (
        ("the page", f"{address.page_url}/"),
        ("S3, SQS, CloudWatch", address.endpoint),
        ("Lambda", address.lambda_endpoint),
        ("bucket", address.bucket),
        ("records queue", address.records_queue_url),
        ("Kafka", f"{address.kafka_bootstrap_servers}, topic {address.kafka_topic}"),
        ("PostgreSQL", address.database_url),
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
        "\nEverything is gone when this ends. Ctrl-C ends it.\n"
    )


def _follow(database_url: str) -> None:
    """A line for each image that ended, for ever."""
    from localcloud.ledger import Ledger  # noqa: PLC0415

    moment = datetime.now(UTC)
    with Ledger(database_url) as ledger:
        while True:
            for row in ledger.since(moment):
                moment = max(moment, row["committed_at"])
                click.echo(_line(row))
            time.sleep(0.3)


def _line(row: dict[str, Any]) -> str:
    committed: datetime = row["committed_at"]
    ending = "processed" if row["status"] == "processed" else f"failed: {row['code']}: {row['message']}"
    return printable(
        f"{committed.astimezone():%H:%M:%S}  {row['customer']}  {row['name']}  {row['format'] or '?'}  "
        f"{dimensions(row['width'], row['height'])}  {numbers.size(row['source_bytes'])}  {row['route']}  "
        f"{row['seconds']:.2f} s  {ending}"
    )
