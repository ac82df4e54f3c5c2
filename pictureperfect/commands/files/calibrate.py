"""`pictureperfect calibrate`: measure the cost table that estimates use."""

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

_LONG, _QUICK = 1.0, 0.1  # seconds: after a slower measurement, no larger picture is tried


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("costs.json"),
    show_default=True,
    help="File for the table; the setting COSTS names it to the functions.",
)
@click.option(
    "--pipelines",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    envvar="PIPELINES",
    show_envvar=True,
    help="Folder of pipeline files whose steps and outputs are measured, instead of the shipped ones.",
)
@click.option(
    "--only",
    multiple=True,
    help="Measure kinds with this prefix, such as `blur` or `decode png`, and keep the others; repeatable.",
)
@click.option("--quick", is_flag=True, help="Measure with small pictures only: a minute, less exact.")
def calibrate(out: Path, pipelines: Path | None, only: tuple[str, ...], quick: bool) -> int:
    """Measure the time and memory of every decoder, operation and encoder on this machine.

    Takes some minutes of one CPU on an otherwise idle machine. Your own functions in OPERATIONS are measured too; see
    docs/reference/company-code.md.
    """
    import msgspec  # noqa: PLC0415 - `--help` needs none of these

    from core.bootstrap.worker import load_catalogue  # noqa: PLC0415
    from core.pipelines import SHIPPED_FOLDER  # noqa: PLC0415
    from core.pipelines.loader import load_folder  # noqa: PLC0415
    from core.routing import cost_table  # noqa: PLC0415
    from pictureperfect.calibration import fit  # noqa: PLC0415

    writable_file(out)
    known = load_folder(pipelines or SHIPPED_FOLDER, load_catalogue(os.environ))
    functions = tuple(os.environ.get("OPERATIONS", "").split())
    with ended_by_signals(), progress() as bars, tempfile.TemporaryDirectory(prefix="calibrate-") as scratch:
        series = fit.series(known, _examples(Path(scratch)))
        if only:
            series = [each for each in series if each.name.startswith(only)]
        if not series:
            raise click.UsageError(f"No kind begins with {' or '.join(only)}.")
        task = bars.add_task("measuring", total=len(series))
        samples = list(
            fit.measure(series, functions, _QUICK if quick else _LONG, Path(scratch), lambda: bars.advance(task))
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
    usage = "For functions and Batch jobs: put the table into their container image, and set COSTS to its path there."
    output().print(literal(usage), soft_wrap=True)


def _examples(folder: Path) -> "Mapping[str, Operation]":
    """Each operation with the parameters of its example."""
    from core.pipelines.loader import load_folder  # noqa: PLC0415
    from pictureperfect.catalogue.operation_examples import EXAMPLES  # noqa: PLC0415
    from pictureperfect.demo.painted_images import paint_logo  # noqa: PLC0415

    examples = folder / "examples"
    examples.mkdir()
    (examples / "logo.png").write_bytes(paint_logo())
    for name, example in EXAMPLES.items():
        text = f"steps: [{{{example.step}}}]\nrenditions: [{{name: x, outputs: [{{format: png}}]}}]\n"
        (examples / f"{name}.yaml").write_text(text, "utf-8")
    pipelines: dict[str, Pipeline] = load_folder(examples)
    return {name: pipeline.steps[0] for name, pipeline in pipelines.items()}
