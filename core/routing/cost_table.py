"""Which table of costs an installation goes by: its own, or the one that was measured on a machine like it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from core.domain.errors import Code, Misconfigured
from core.domain.model import Estimate, ImageHeader
from core.pipelines.definition import Pipeline
from core.routing.estimate import Costs, decode, estimate

Estimator = Callable[[ImageHeader, Pipeline], Estimate]

_SHIPPED = Path(__file__).parent / "costs"
#: Where no table is of this architecture: the upper estimates of another's are as many times as high.
_OTHER = 1.5
_FALLBACK = "x86_64"


def load(machine: str, path: str = "") -> Costs:
    """The table in the file at `path`, or else the shipped one of an architecture, as `uname -m` says it.

    Raises Misconfigured(INVALID_SETTINGS) for a file that is none.
    """
    shipped = _SHIPPED / f"{machine}.json"
    file = Path(path) if path else shipped if shipped.exists() else _SHIPPED / f"{_FALLBACK}.json"
    try:
        costs = decode(file.read_bytes(), file.name)
    except OSError as error:
        why = f"COSTS is wrong: {file} cannot be read: {error.strerror}"
        raise Misconfigured(Code.INVALID_SETTINGS, why) from error
    except ValueError as error:
        raise Misconfigured(Code.INVALID_SETTINGS, f"COSTS is wrong: {error}") from error
    if costs.machine == machine:
        return costs
    margins = replace(costs.margins, seconds=costs.margins.seconds * _OTHER, bytes=costs.margins.bytes * _OTHER)
    return replace(costs, margins=margins)


def estimator(machine: str, path: str = "") -> Estimator:
    """What estimates by that table. Raises as `load` does."""
    return partial(_by, load(machine, path))


def _by(costs: Costs, header: ImageHeader, pipeline: Pipeline) -> Estimate:
    return estimate(header, pipeline, costs)
