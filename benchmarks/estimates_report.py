"""The report of benchmarks.estimates: errors and misses by pipeline and by kind of file, and the fitted margins."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np
from msgspec.structs import replace

from core.domain.model import Estimate, ImageHeader
from core.pipelines import SHIPPED_FOLDER
from core.pipelines.loader import load_folder
from core.routing.estimate import Costs, Margins, estimate

_QUANTILE = 0.995  # of the fitted half, so that the margin holds for 99 % of the other half
_MEMORY_RESERVE = 1.03  # factor on the worst memory that was measured
_SMALL_BYTES = 24 << 20  # an image below this estimate shows the memory of the child itself
_NOISE_SECONDS = 0.01  # shorter runs are never counted as a miss


class Run(msgspec.Struct, frozen=True):
    """One image through one pipeline, with its CPU seconds and its peak of resident bytes."""

    number: int
    kind: str
    content: str
    pipeline: str
    header: ImageHeader
    cpu_seconds: float
    peak_bytes: int


def read(path: Path) -> list[Run]:
    """The runs in the file at `path`; none without the file."""
    if not path.exists():
        return []
    return [msgspec.json.decode(line, type=Run) for line in path.read_bytes().splitlines() if line.endswith(b"}")]


def estimates(runs: Iterable[Run], costs: Costs) -> list[tuple[Run, Estimate]]:
    """Each run with its estimate by `costs`."""
    pipelines = load_folder(SHIPPED_FOLDER)
    return [(run, estimate(run.header, pipelines[run.pipeline], costs)) for run in runs]


def fit_margins(runs: Sequence[Run], costs: Costs) -> Margins:
    """The smallest margins that hold for the images with an even number."""
    bare = replace(costs, margins=Margins(seconds=1.0, bytes=1.0, kept_bytes=0))
    even = [(run, made) for run, made in estimates(runs, bare) if run.number >= 0 and run.number % 2 == 0]
    if not even:
        return costs.margins
    time = [run.cpu_seconds / made.cpu_seconds_upper for run, made in even]
    small = [
        run.peak_bytes - made.peak_bytes_upper for run, made in even if made.peak_bytes < _SMALL_BYTES + bare.base_bytes
    ]
    kept = max([0, *small])
    memory = [run.peak_bytes / (made.peak_bytes_upper + kept) for run, made in even]
    return Margins(
        seconds=round(max(1.0, float(np.quantile(time, _QUANTILE))), 3),
        bytes=round(max(1.0, max(memory) * _MEMORY_RESERVE), 3),
        kept_bytes=kept,
    )


def text(runs: Sequence[Run], costs: Costs) -> str:
    """The table of the images with an odd number, and a line for each larger image."""
    judged = [(run, made) for run, made in estimates(runs, costs) if run.number >= 0 and run.number % 2]
    lines = [f"{len(runs):,} runs; {len(judged):,} judged, with margins fitted on the others: {costs.margins}", ""]
    lines.append(f"{'':34}{'runs':>6}{'error':>8}{'bias':>7}{'in time':>9}{'misses':>8}{'memory':>8}")
    groups: dict[str, list[tuple[Run, Estimate]]] = defaultdict(list)
    for pair in judged:
        groups["all"].append(pair)
    for pair in sorted(judged, key=lambda pair: (pair[0].pipeline, pair[0].kind)):
        groups[f"pipeline {pair[0].pipeline}"].append(pair)
    for pair in sorted(judged, key=lambda pair: pair[0].kind):
        groups[f"file {pair[0].kind}"].append(pair)
    lines += [_line(name, pairs) for name, pairs in groups.items()]
    if judged:
        missed = sum(run.peak_bytes > made.peak_bytes_upper for run, made in judged)
        lines += ["", f"memory: {missed} misses of {len(judged):,}; at most {_bound(missed, len(judged)):.2%} (95 %)"]
    lines += [_large_image_line(run, made) for run, made in estimates(runs, costs) if run.number < 0]
    return "\n".join(lines)


def _line(name: str, pairs: Sequence[tuple[Run, Estimate]]) -> str:
    ratios = np.array([made.cpu_seconds / max(run.cpu_seconds, 1e-4) for run, made in pairs])
    errors = np.abs(ratios - 1)
    in_time = np.mean([run.cpu_seconds <= max(made.cpu_seconds_upper, _NOISE_SECONDS) for run, made in pairs])
    missed = sum(run.peak_bytes > made.peak_bytes_upper for run, made in pairs)
    over = np.mean([made.peak_bytes_upper / run.peak_bytes for run, made in pairs])
    error, bias = np.median(errors), np.median(ratios)
    return f"{name:34.34}{len(pairs):6,}{error:8.1%}{bias:7.2f}{in_time:9.2%}{missed:8}{over:7.2f}x"


def _large_image_line(run: Run, made: Estimate) -> str:
    size = f"{run.header.width:,} x {run.header.height:,}"
    return (
        f"{run.kind}, {size}, {run.pipeline}: {run.cpu_seconds:.2f} s (estimate {made.cpu_seconds:.2f}, at most "
        f"{made.cpu_seconds_upper:.2f}), {run.peak_bytes >> 20:,} MB (estimate {made.peak_bytes >> 20:,}, at most "
        f"{made.peak_bytes_upper >> 20:,})"
    )


def _bound(misses: int, runs: int) -> float:
    """Clopper and Pearson's upper 95 % bound of the share of misses, by bisection of the binomial's lower tail."""
    low, high = 0.0, 1.0
    for _ in range(60):
        share = (low + high) / 2
        tail = sum(math.comb(runs, k) * share**k * (1 - share) ** (runs - k) for k in range(misses + 1))
        low, high = (share, high) if tail > 0.05 else (low, share)  # noqa: PLR2004
    return high
