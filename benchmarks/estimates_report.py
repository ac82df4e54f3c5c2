"""What runs say of the estimates: errors, misses, by pipeline and by kind of file."""

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

_HOLDS = 0.995  # of the fitted half, so that 99 % of the other do
_SPARE = 1.03  # on the worst that was seen of memory
_SMALL = 24 << 20  # bytes: what takes less by itself shows what the child has anyway
_BRIEF = 0.01  # seconds: what takes less is of no consequence to anyone, and is noise


class Run(msgspec.Struct, frozen=True):
    """One image through one pipeline: CPU seconds, and resident bytes at the peak."""

    number: int
    kind: str
    content: str
    pipeline: str
    header: ImageHeader
    cpu_seconds: float
    peak_bytes: int


def read(path: Path) -> list[Run]:
    """The runs of a file; none where there is no file."""
    if not path.exists():
        return []
    return [msgspec.json.decode(line, type=Run) for line in path.read_bytes().splitlines() if line.endswith(b"}")]


def estimates(runs: Iterable[Run], costs: Costs) -> list[tuple[Run, Estimate]]:
    pipelines = load_folder(SHIPPED_FOLDER)
    return [(run, estimate(run.header, pipelines[run.pipeline], costs)) for run in runs]


def fitted(runs: Sequence[Run], costs: Costs) -> Margins:
    """The margins that hold on the images of even number."""
    bare = replace(costs, margins=Margins(seconds=1.0, bytes=1.0, kept_bytes=0))
    half = [(run, made) for run, made in estimates(runs, bare) if run.number >= 0 and run.number % 2 == 0]
    if not half:
        return costs.margins
    time = [run.cpu_seconds / made.cpu_seconds_upper for run, made in half]
    small = [run.peak_bytes - made.peak_bytes_upper for run, made in half if made.peak_bytes < _SMALL + bare.base_bytes]
    kept = max([0, *small])
    memory = [run.peak_bytes / (made.peak_bytes_upper + kept) for run, made in half]
    return Margins(
        seconds=round(max(1.0, float(np.quantile(time, _HOLDS))), 3),
        bytes=round(max(1.0, max(memory) * _SPARE), 3),
        kept_bytes=kept,
    )


def text(runs: Sequence[Run], costs: Costs) -> str:
    """The table, of the images of odd number; the larger ones singly."""
    judged = [(run, made) for run, made in estimates(runs, costs) if run.number >= 0 and run.number % 2]
    lines = [f"{len(runs):,} runs; {len(judged):,} judged with the margins of the others: {costs.margins}", ""]
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
    lines += [_single(run, made) for run, made in estimates(runs, costs) if run.number < 0]
    return "\n".join(lines)


def _line(name: str, pairs: Sequence[tuple[Run, Estimate]]) -> str:
    ratios = np.array([made.cpu_seconds / max(run.cpu_seconds, 1e-4) for run, made in pairs])
    errors = np.abs(ratios - 1)
    held = np.mean([run.cpu_seconds <= max(made.cpu_seconds_upper, _BRIEF) for run, made in pairs])
    missed = sum(run.peak_bytes > made.peak_bytes_upper for run, made in pairs)
    over = np.mean([made.peak_bytes_upper / run.peak_bytes for run, made in pairs])
    return (
        f"{name:34.34}{len(pairs):6,}{np.median(errors):8.1%}{np.median(ratios):7.2f}{held:9.2%}{missed:8}{over:7.2f}x"
    )


def _single(run: Run, made: Estimate) -> str:
    size = f"{run.header.width:,} x {run.header.height:,}"
    return (
        f"{run.kind}, {size}, {run.pipeline}: {run.cpu_seconds:.2f} s (estimate {made.cpu_seconds:.2f}, at most "
        f"{made.cpu_seconds_upper:.2f}), {run.peak_bytes >> 20:,} MB (estimate {made.peak_bytes >> 20:,}, at most "
        f"{made.peak_bytes_upper >> 20:,})"
    )


def _bound(misses: int, runs: int) -> float:
    """Clopper and Pearson's upper bound of a share, 95 %: by bisection of the binomial's lower tail."""
    low, high = 0.0, 1.0
    for _ in range(60):
        share = (low + high) / 2
        tail = sum(math.comb(runs, k) * share**k * (1 - share) ** (runs - k) for k in range(misses + 1))
        low, high = (share, high) if tail > 0.05 else (low, share)  # noqa: PLR2004
    return high
