"""`pictureperfect migrate` and `replay`: the database, brought up to date and rebuilt."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from pictureperfect.console import folder_option, json_option, literal, notes, progress


@contextmanager
def environment(folder: Path) -> Iterator[Mapping[str, str]]:
    """This process's own variables where they name a database, else the running cloud's."""
    if os.environ.get("DATABASE_URL"):
        yield os.environ
        return
    from localcloud import clients  # noqa: PLC0415
    from localcloud.config import running  # noqa: PLC0415 - msgspec and more, not for `--help`

    address = running(folder)
    if address is None:
        raise click.ClickException("Set DATABASE_URL, or start a cloud with `pictureperfect up`.")
    with clients.isolated(address.endpoint):
        yield {**os.environ, **address.recording()}


@click.command()
@folder_option
@json_option
def migrate(folder: Path, as_json: bool) -> None:
    """Bring the database to this release's tables.

    The database is that of DATABASE_URL, else the running cloud's. Doing it again changes nothing.
    """
    from core.bootstrap.ledger import migrate as apply  # noqa: PLC0415

    with environment(folder) as variables:
        names = apply(variables)
    if as_json:
        click.echo(json.dumps({"applied": names}))
    else:
        click.echo("\n".join(f"applied {name}" for name in names) or "The database is up to date.")


@click.command()
@folder_option
@json_option
def replay(folder: Path, as_json: bool) -> int:
    """Rebuild the database from the results and tombstones in the bucket.

    The database is that of DATABASE_URL (with BUCKET), else the running cloud's. Doing it again changes nothing.
    """
    from core.bootstrap.record import recorder  # noqa: PLC0415

    done = 0
    with environment(folder) as variables, progress() as bars:
        task = bars.add_task("replaying", total=None)

        def advance(count: int) -> None:
            nonlocal done
            done += count
            bars.update(task, completed=done)

        failures = recorder(variables).replay(advance)
    if as_json:
        told = {key: {"code": error.code, "message": error.message} for key, error in failures.items()}
        click.echo(json.dumps({"replayed": done, "failures": told}))
    else:
        click.echo(f"Replayed {done - len(failures)} results and tombstones.")
        for key, error in failures.items():
            notes().print(literal(f"{key}: {error}"), soft_wrap=True)
    return 1 if failures else 0
