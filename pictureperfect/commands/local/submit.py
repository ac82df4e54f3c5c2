"""`pictureperfect submit`: files through a door of the running cloud."""

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
@click.option("--customer", required=True, help="Whose images these are.")
@click.option("--pipeline", required=True, help="What is to be done with them.")
@click.option(
    "--door",
    type=click.Choice(["upload", "direct"]),
    default="upload",
    show_default=True,
    help="By presigned upload, or as bytes in a direct invoke of the function.",
)
@click.option("--wait", type=click.FloatRange(0), default=120.0, show_default=True, help="Seconds; 0: only send.")
@folder_option
@json_option
def submit(
    files: tuple[Path, ...], customer: str, pipeline: str, door: str, wait: float, folder: Path, as_json: bool
) -> int:
    """Send image files to the running cloud, and show how each one ended.

    Exit 0: all were accepted, and ended if that was waited for, processed or failed. 1: some did not.
    """
    address = cloud_at(folder)
    with progress() as bars:
        task = bars.add_task("sending", total=len(files))
        sent = []
        for file in files:
            sent.append(_send(address, door, customer, pipeline, file))
            bars.advance(task)
        if not wait:
            click.echo(json.dumps(sent) if as_json else "\n".join(sent))
            return 0
        task = bars.add_task("waiting for results", total=len(set(sent)))
        rows = wait_for(address, set(sent), wait, lambda count: bars.update(task, completed=count))
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


def _send(address: "CloudConfig", door: str, customer: str, pipeline: str, file: Path) -> str:
    """Send one; returns what it is known by in the ledger: its id, or where it lies."""
    from localcloud import senders  # noqa: PLC0415

    body = file.read_bytes()
    if door == "upload":
        return f"s3://{address.bucket}/{senders.send_upload(address, customer, pipeline, file.name, body)}"
    return str(senders.send_direct(address, customer, pipeline, file.name, body)["image_id"])


def wait_for(address: "CloudConfig", sent: set[str], seconds: float, seen: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """The ledger's rows of these images (ids, or s3://… sources), as soon as all are there or time is up."""
    from localcloud.ledger import Ledger  # noqa: PLC0415

    sources = [item for item in sent if item.startswith("s3://")]
    ids = [item for item in sent if not item.startswith("s3://")]
    until = time.monotonic() + seconds
    with Ledger(address.database_url) as ledger:
        while True:
            rows = ledger.sources(sources) + ledger.images(ids)
            seen(len(rows))
            if len(rows) >= len(sent) or time.monotonic() > until:
                return rows
            time.sleep(0.1)
