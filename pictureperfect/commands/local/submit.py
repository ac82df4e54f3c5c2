"""`pictureperfect submit`: sends image files to the running cloud."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pictureperfect.console import cloud_at, folder_option, json_option, notes, output, progress

if TYPE_CHECKING:
    from localcloud.config import CloudConfig


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE…"
)
@click.option("--customer", required=True, help="The customer who owns the images.")
@click.option("--pipeline", required=True, help="The pipeline that processes them.")
@click.option(
    "--door",
    type=click.Choice(["upload", "direct"]),
    default="upload",
    show_default=True,
    help="Presigned upload to S3, or direct invoke with the bytes in the event.",
)
@click.option(
    "--wait",
    type=click.FloatRange(0),
    default=120.0,
    show_default=True,
    help="Seconds to wait for the results; 0: do not wait.",
)
@folder_option
@json_option
def submit(
    files: tuple[Path, ...], customer: str, pipeline: str, door: str, wait: float, folder: Path, as_json: bool
) -> int:
    """Send image files to the running cloud, and show how each one ended.

    Exit 0: every image was accepted and, unless --wait is 0, ended as processed or failed. 1: otherwise.
    """
    config = cloud_at(folder)
    with progress() as bars:
        task = bars.add_task("sending", total=len(files))
        sent = []
        for file in files:
            sent.append(_send(config, door, customer, pipeline, file))
            bars.advance(task)
        if not wait:
            click.echo(json.dumps(sent) if as_json else "\n".join(sent))
            return 0
        task = bars.add_task("waiting for results", total=len(set(sent)))
        rows = wait_for(config, set(sent), wait, lambda count: bars.update(task, completed=count))
    rows.sort(key=lambda row: min(sent.index(name) for name in (row["image_id"], row["source"]) if name in sent))
    if as_json:
        click.echo(json.dumps(rows, default=str))
    else:
        from pictureperfect import tables  # noqa: PLC0415

        output().print(tables.images(rows))
    missing = len(set(sent)) - len(rows)
    if missing:
        notes().print(f"{missing} of {len(set(sent))} images did not end within {wait:g} seconds.")
    return 1 if missing else 0


def _send(config: "CloudConfig", door: str, customer: str, pipeline: str, file: Path) -> str:
    """Send a file. Returns its image id, or its source s3://… if it was uploaded."""
    from localcloud import senders  # noqa: PLC0415

    body = file.read_bytes()
    if door == "upload":
        return f"s3://{config.bucket}/{senders.send_upload(config, customer, pipeline, file.name, body)}"
    return str(senders.send_direct(config, customer, pipeline, file.name, body)["image_id"])


def wait_for(config: "CloudConfig", sent: set[str], seconds: float, on_count: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """The ledger's rows of these images (ids or s3://… sources), once all have ended or after `seconds`.

    `on_count` is called with the number of rows at each look.
    """
    from localcloud.ledger import Ledger  # noqa: PLC0415

    sources = [item for item in sent if item.startswith("s3://")]
    ids = [item for item in sent if not item.startswith("s3://")]
    give_up = time.monotonic() + seconds
    with Ledger(config.database_url) as ledger:
        while True:
            rows = ledger.sources(sources) + ledger.images(ids)
            on_count(len(rows))
            if len(rows) >= len(sent) or time.monotonic() > give_up:
                return rows
            time.sleep(0.1)
