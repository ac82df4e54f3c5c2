"""`pictureperfect estimate`: what an image will take, where it will be worked on and for how much, by its header."""

import json
import os
from pathlib import Path
from typing import Any

import click

from pictureperfect.console import json_option, output, pipelines_option

_MB = 2**20  # as the memory of a function is counted
_FUNCTION_SECONDS = 900.0  # Lambda's longest: https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html


@click.command()
@click.argument("file", metavar="FILE|s3://…")
@click.option("--pipeline", required=True, help="The name of the pipeline.")
@click.option("--memory", type=click.IntRange(512, 10_240), default=2048, show_default=True, help="The function's, MB.")
@click.option(
    "--timeout",
    type=click.FloatRange(1, _FUNCTION_SECONDS),
    default=_FUNCTION_SECONDS,
    show_default=True,
    help="The function's, in seconds.",
)
@click.option("--policy", type=click.Choice(["latency", "cost"]), default="latency", show_default=True)
@click.option("--spot", is_flag=True, help="Batch on Fargate Spot.")
@pipelines_option
@json_option
def estimate(
    file: str,
    pipeline: str,
    memory: int,
    timeout: float,
    policy: str,
    spot: bool,
    pipelines: Path | None,
    as_json: bool,
) -> int:
    """What an image will take, where it will be worked on, and for how much: by its header, decoding nothing.

    Of an object in S3 only its beginning and its end are read, and more of it only where these do not tell.
    Limits and the table of costs are those of the settings MAX_MEGAPIXELS, MAX_BYTES, LAMBDA_MAX_MEGAPIXELS and COSTS.
    """
    from core.bootstrap.worker import load_catalogue  # noqa: PLC0415 - `--help` needs none of these
    from core.pipelines.definition import load_folder, shipped  # noqa: PLC0415
    from core.routing.plan import Policy  # noqa: PLC0415
    from pictureperfect.files import estimate  # noqa: PLC0415

    known = load_folder(pipelines or shipped(), load_catalogue(os.environ))
    if pipeline not in known:
        raise click.UsageError(f"There is no pipeline named {pipeline!r}; there are {', '.join(sorted(known))}.")
    asked = estimate.Asked(
        pipeline=known[pipeline], memory_mb=memory, timeout=timeout, policy=Policy(policy), spot=spot
    )
    told = estimate.told(file, asked, os.environ)
    click.echo(json.dumps(told)) if as_json else _show(told)
    return 0


def _show(told: dict[str, Any]) -> None:
    from pictureperfect import tables  # noqa: PLC0415
    from pictureperfect.console import dimensions  # noqa: PLC0415

    table = tables.plain("what", "value")
    table.add_row("file", told["file"])
    frames = f", {told['frames']} frames" if (told["frames"] or 1) > 1 else ""
    size = f"{told['format']} {dimensions(told['width'], told['height'])}{frames}"
    table.add_row("image", size if told["format"] else "unknown")
    if told["cpu_seconds"] is not None:
        table.add_row("CPU", f"{told['cpu_seconds']:.2f} s")
        table.add_row("time", f"{told['seconds']:.2f} s, at most {told['seconds_upper']:.2f} s")
        table.add_row("memory", f"{told['peak_bytes'] / _MB:,.0f} MB, at most {told['peak_bytes_upper'] / _MB:,.0f} MB")
    table.add_row("route", f"{told['route']} {told['tier'] or ''}".strip())
    if told["cost_usd"] is not None:
        table.add_row("cost", f"${told['cost_usd']:.7f}")
    table.add_row("reason", told["reason"])
    table.show_header = False
    output().print(table)
