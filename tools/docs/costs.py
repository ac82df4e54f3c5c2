"""The table of costs, as docs/explanation/costs.md shows it."""

from core.routing.estimate import Coefficients, Cost, Costs

_BEGIN, _END = "<!-- costs: begin -->", "<!-- costs: end -->"
_HEAD = (
    "| kind | ms | ms a million in | ms a million out | ms a MB of file | MB | bytes at work | bytes made "
    "| bytes of file | parallel | spread of time, memory |\n"
    "| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |"
)


def in_document(document: str, costs: Costs) -> str:
    """The document, with this table between its marks."""
    before, _, rest = document.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{markdown(costs)}\n{_END}{after}"


def markdown(costs: Costs) -> str:
    """Whose it is, and a row for each kind."""
    margins = costs.margins
    title = (
        f"Measured on {costs.measured_on} ({costs.machine}) on {costs.measured_at}. The worker's child alone takes "
        f"{costs.base_bytes / 2**20:.0f} MB. Margins of the upper estimates: {margins.seconds:.2f} times the time, "
        f"{margins.bytes:.2f} times the memory and {margins.kept_bytes / 2**20:.0f} MB, which a warm child keeps."
    )
    rows = [_row(kind, cost) for kind, cost in costs.kinds.items()]
    return "\n".join([title, "", _HEAD, *rows])


def _row(kind: str, cost: Cost) -> str:
    time = _numbers(tuple(1000 * value for value in cost.seconds))  # type: ignore[arg-type]
    fixed, *factors = cost.bytes
    memory = (_number(fixed / 2**20), *map(_number, factors))
    spreads = f"{cost.seconds_spread:.2f}, {cost.bytes_spread:.2f}"
    cells = (f"`{kind}`", *time, *memory, f"{cost.parallel:.0%}", spreads)
    return f"| {' | '.join(cells)} |"


def _numbers(values: Coefficients) -> tuple[str, ...]:
    return tuple(map(_number, values))


def _number(value: float) -> str:
    """Three digits, or nothing where it is next to nothing."""
    return f"{value:.3g}" if value > 1e-4 else ""  # noqa: PLR2004
