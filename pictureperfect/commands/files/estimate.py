"""`pictureperfect estimate`: time, memory, route and cost of an image, from its header."""

import json
import os
from pathlib import Path
from typing import Any

import click

from pictureperfect.console import json_option, load_pipeline, output, pipelines_option

_MB = 2**20  # as Lambda counts memory
_FUNCTION_SECONDS = 900.0  # Lambda's longest: https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html


@click.command()
@click.argument("file", metavar="FILE|s3://BUCKET/KEY")
@click.option("--pipeline", required=True, help="Name of the pipeline.")
@click.option(
    "--memory", type=click.IntRange(512, 10_240), default=2048, show_default=True, help="Function's memory, MB."
)
@click.option(
    "--timeout",
    type=click.FloatRange(1, _FUNCTION_SECONDS),
    default=_FUNCTION_SECONDS,
    show_default=True,
    help="Function's time-out, seconds.",
)
@click.option(
    "--policy",
    type=click.Choice(["latency", "cost"]),
    default="latency",
    show_default=True,
    help="`latency`: the function if the image fits. `cost`: the cheaper route.",
)
@click.option("--spot", is_flag=True, help="Use Fargate Spot's prices.")
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
    """Estimate time, memory, route and cost of an image, from its header.

    No pixel is decoded. Of an object in S3 only the beginning and the end are read, unless the header needs more.
    The settings MAX_MEGAPIXELS, MAX_BYTES, LAMBDA_MAX_MEGAPIXELS and COSTS apply.
    """
    from core.routing.plan import Policy  # noqa: PLC0415 - not for `--help`
    from pictureperfect.files import estimate  # noqa: PLC0415

    loaded = load_pipeline(pipeline, pipelines)
    request = estimate.EstimateRequest(
        pipeline=loaded, memory_mb=memory, timeout=timeout, policy=Policy(policy), spot=spot
    )
    answer = estimate.estimate_file(file, request, os.environ)
    click.echo(json.dumps(answer)) if as_json else _show(answer)
    return 0


def _show(answer: dict[str, Any]) -> None:
    from pictureperfect import tables  # noqa: PLC0415
    from pictureperfect.console import dimensions  # noqa: PLC0415

    table = tables.plain("what", "value")
    table.add_row("file", answer["file"])
    frames = f", {answer['frames']} frames" if (answer["frames"] or 1) > 1 else ""
    size = f"{answer['format']} {dimensions(answer['width'], answer['height'])}{frames}"
    table.add_row("image", size if answer["format"] else "unknown")
    if answer["cpu_seconds"] is not None:
        table.add_row("CPU", f"{answer['cpu_seconds']:.2f} s")
        table.add_row("time", f"{answer['seconds']:.2f} s, at most {answer['seconds_upper']:.2f} s")
        table.add_row(
            "memory", f"{answer['peak_bytes'] / _MB:,.0f} MB, at most {answer['peak_bytes_upper'] / _MB:,.0f} MB"
        )
    table.add_row("route", f"{answer['route']} {answer['tier'] or ''}".strip())
    if answer["cost_usd"] is not None:
        table.add_row("cost", f"${answer['cost_usd']:.7f}")
    table.add_row("reason", answer["reason"])
    table.show_header = False
    output().print(table)
