"""`pictureperfect migrate` and `replay`: migrate and rebuild the database."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from pictureperfect.console import folder_option, json_option, literal, notes, progress


@contextmanager
def environment(folder: Path) -> Iterator[Mapping[str, str]]:
    """The environment if it has DATABASE_URL, else with the running cloud's variables. Raises ClickException."""
    if os.environ.get("DATABASE_URL"):
        yield os.environ
        return
    from localcloud import clients  # noqa: PLC0415
    from localcloud.config import running  # noqa: PLC0415 - not for `--help`

    address = running(folder)
    if address is None:
        raise click.ClickException("Set DATABASE_URL, or start a cloud with `pictureperfect up`.")
    with clients.isolated(address.endpoint):
        yield {**os.environ, **address.record_environment()}


@click.command()
@folder_option
@json_option
def migrate(folder: Path, as_json: bool) -> None:
    """Migrate the database to this release.

    The database is the one in DATABASE_URL, or else the running cloud's. A second run changes nothing.
    """
    from core.bootstrap import ledger  # noqa: PLC0415

    with environment(folder) as variables:
        names = ledger.migrate(variables)
    if as_json:
        click.echo(json.dumps({"applied": names}))
    else:
        click.echo("\n".join(f"applied {name}" for name in names) or "The database is up to date.")


@click.command()
@folder_option
@json_option
def replay(folder: Path, as_json: bool) -> int:
    """Rebuild the database from the results and tombstones in the bucket.

    Database and bucket are those in DATABASE_URL and BUCKET, or else the running cloud's. A second run changes
    nothing. Exit 1 if a result or tombstone could not be recorded.
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
        details = {key: {"code": error.code, "message": error.message} for key, error in failures.items()}
        click.echo(json.dumps({"replayed": done, "failures": details}))
    else:
        click.echo(f"Replayed {done - len(failures)} results and tombstones.")
        for key, error in failures.items():
            notes().print(literal(f"{key}: {error}"), soft_wrap=True)
    return 1 if failures else 0
