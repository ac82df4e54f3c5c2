"""Chooses and reads the cost table: the file of the setting COSTS, or the table shipped for the architecture."""

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from core.domain.errors import Code, Misconfigured
from core.domain.model import Estimate, ImageHeader
from core.pipelines.definition import Pipeline
from core.routing.estimate import Costs, decode, estimate

Estimator = Callable[[ImageHeader, Pipeline], Estimate]

_SHIPPED = Path(__file__).parent / "costs"
#: Without a table of this architecture, the margins of another architecture's table are multiplied by this.
_FOREIGN_TABLE_FACTOR = 1.5
_FALLBACK = "x86_64"


def load(machine: str, path: str = "") -> Costs:
    """The cost table in the file at `path`, or the shipped one. `machine` is the architecture as `uname -m` prints it.

    Raises Misconfigured(INVALID_SETTINGS) if the file cannot be read or is no cost table.
    """
    shipped = _SHIPPED / f"{machine}.json"
    file = Path(path) if path else shipped if shipped.exists() else _SHIPPED / f"{_FALLBACK}.json"
    try:
        costs = decode(file.read_bytes(), file.name)
    except OSError as error:
        message = f"COSTS is wrong: {file} cannot be read: {error.strerror}"
        raise Misconfigured(Code.INVALID_SETTINGS, message) from error
    except ValueError as error:
        raise Misconfigured(Code.INVALID_SETTINGS, f"COSTS is wrong: {error}") from error
    if costs.machine == machine:
        return costs
    margins = replace(
        costs.margins,
        seconds=costs.margins.seconds * _FOREIGN_TABLE_FACTOR,
        bytes=costs.margins.bytes * _FOREIGN_TABLE_FACTOR,
    )
    return replace(costs, margins=margins)


def estimator(machine: str, path: str = "") -> Estimator:
    """`estimate` with the table that `load` returns. Raises as `load` does."""
    costs = load(machine, path)
    return lambda header, pipeline: estimate(header, pipeline, costs)
