"""`pictureperfect operations`: a page that shows every image operation."""

import os
import tempfile
from pathlib import Path

import click

from pictureperfect.console import ended_by_signals, progress, writable_folder


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("operations-page"),
    show_default=True,
    help="Folder for the page.",
)
def operations(out: Path) -> None:
    """Make a page that shows every image operation, with its parameters and pictures before and after.

    Prints the path of the page, which needs no network and no other file.
    """
    from core.bootstrap.worker import start_worker  # noqa: PLC0415 - `--help` needs none of these
    from core.imaging.operations import OPERATIONS  # noqa: PLC0415
    from pictureperfect.catalogue import operation_page  # noqa: PLC0415

    writable_folder(out)
    with ended_by_signals(), progress() as bars, tempfile.TemporaryDirectory(prefix="operations-") as scratch:
        task = bars.add_task("processing", total=len(OPERATIONS))
        child = start_worker(os.environ)
        try:
            shown = operation_page.render_examples(child, Path(scratch), lambda: bars.advance(task))
        finally:
            child.close()
        page = operation_page.render_page(shown)
    file = out / "index.html"
    file.write_text(page, "utf-8")
    click.echo(file)
