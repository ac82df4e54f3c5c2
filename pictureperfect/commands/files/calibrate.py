"""`pictureperfect calibrate`: what everything takes on this machine, as a table that estimates are made from."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pictureperfect.console import ended_by_signals, literal, output, progress, writable_file

if TYPE_CHECKING:
    from core.imaging.operations.base import Operation
    from core.pipelines.definition import Pipeline

_LONG, _QUICK = 1.0, 0.1  # seconds: no larger picture is tried after one that took more


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("costs.json"),
    show_default=True,
    help="The table's file; the setting COSTS names it to the functions.",
)
@click.option(
    "--pipelines",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    envvar="PIPELINES",
    show_envvar=True,
    help="A folder of pipeline files, whose steps and outputs are measured as they stand; or the shipped ones.",
)
@click.option("--only", multiple=True, help="Kinds that begin so, such as `blur` or `decode png`; the others stay.")
@click.option("--quick", is_flag=True, help="With small pictures only: a minute, and rougher.")
def calibrate(out: Path, pipelines: Path | None, only: tuple[str, ...], quick: bool) -> int:
    """Measure what every decoder, operation and encoder takes on this machine, a company's own functions too.

    Some minutes of one CPU; the machine should have nothing else to do. The company's functions are found by the
    variables OPERATIONS and PYTHONPATH, as docs/reference/company-code.md says.
    """
    import msgspec  # noqa: PLC0415 - `--help` needs none of these

    from core.bootstrap.worker import catalogue  # noqa: PLC0415
    from core.pipelines.definition import load_folder, shipped  # noqa: PLC0415
    from core.routing import cost_table  # noqa: PLC0415
    from pictureperfect.calibration import fit  # noqa: PLC0415

    writable_file(out)
    known = load_folder(pipelines or shipped(), catalogue(os.environ))
    functions = tuple(os.environ.get("OPERATIONS", "").split())
    with ended_by_signals(), progress() as bars, tempfile.TemporaryDirectory(prefix="calibrate-") as scratch:
        wanted = fit.series(known, _examples(Path(scratch)))
        if only:
            wanted = [one for one in wanted if one.name.startswith(only)]
        if not wanted:
            raise click.UsageError(f"No kind begins with {' or '.join(only)}.")
        task = bars.add_task("measuring", total=len(wanted))
        samples = list(
            fit.measure(wanted, functions, _QUICK if quick else _LONG, Path(scratch), lambda: bars.advance(task))
        )
        costs = fit.fit(samples, fit.base(Path(scratch)))
    if only:
        before = cost_table.load(os.uname().machine, str(out) if out.exists() else "")
        costs = msgspec.structs.replace(before, kinds=dict(sorted((before.kinds | costs.kinds).items())))
    try:
        out.write_bytes(msgspec.json.format(msgspec.json.encode(costs), indent=1) + b"\n")
    except OSError as error:
        raise click.UsageError(f"{error.filename} cannot be written: {error.strerror}.") from error
    _show(out, len(samples), len(costs.kinds))
    return 0


def _show(out: Path, samples: int, kinds: int) -> None:
    output().print(literal(f"{samples:,} measurements, {kinds} kinds: {out}"), soft_wrap=True)
    where = f"The functions and Batch go by it where COSTS={out.name} names it in their image."
    output().print(literal(where), soft_wrap=True)


def _examples(folder: Path) -> "Mapping[str, Operation]":
    """Each operation of the catalogue with the parameters of its example."""
    from core.pipelines.definition import load_folder  # noqa: PLC0415
    from pictureperfect.catalogue.operation_examples import EXAMPLES  # noqa: PLC0415
    from pictureperfect.demo.painted_images import logo  # noqa: PLC0415

    where = folder / "examples"
    where.mkdir()
    (where / "logo.png").write_bytes(logo())
    for name, example in EXAMPLES.items():
        text = f"steps: [{{{example.step}}}]\nrenditions: [{{name: x, outputs: [{{format: png}}]}}]\n"
        (where / f"{name}.yaml").write_text(text, "utf-8")
    made: dict[str, Pipeline] = load_folder(where)
    return {name: pipeline.steps[0] for name, pipeline in made.items()}
