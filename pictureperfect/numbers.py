"""Numbers for people: few digits and a unit. The functions for columns use the same unit in every cell."""

from collections.abc import Iterable
from datetime import date

#: A plain space, since terminals and pipes get these texts too; the HTML report makes it a no-break space.
SPACE = " "
MINUS = "\N{MINUS SIGN}"
NONE = "\N{EN DASH}"
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
#: Pairs of an amount in dollars and the digits after the point from that amount on.
_DOLLARS = ((1000.0, 0), (0.095, 2), (0.0095, 3), (0.00095, 4))
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0


def count(value: float) -> str:
    """12,345."""
    return _signed(f"{value:,.0f}")


def count_column(values: Iterable[float]) -> list[str]:
    """Each number in full."""
    return [count(value) for value in values]


def count_ticks(values: Iterable[float]) -> list[str]:
    """For an axis: 1.2 M."""
    return [_short(value) for value in values]


def _short(value: float) -> str:
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return _signed(f"{value / size:.3g}{SPACE}{unit}")
    return _signed(f"{value:.3g}")


def size(value: float | None) -> str:
    """Bytes with three digits, in powers of a thousand: 1.24 GB. A dash for None."""
    if value is None:
        return NONE
    power = _power(value)
    scaled = value / 1000.0**power
    digits = 0 if power == 0 or abs(scaled) >= 99.95 else 1 if abs(scaled) >= 9.995 else 2  # noqa: PLR2004 - three digits
    return _signed(f"{scaled:.{digits}f}{SPACE}{_UNITS[power]}")


def size_column(values: Iterable[float]) -> list[str]:
    """Bytes in the unit of the largest value; values that would read as 0.0 in their own unit."""
    cells = list(values)
    largest = max(map(abs, cells), default=0.0)
    power = _power(largest)
    digits = 0 if power == 0 or largest >= 999.5 * 1000.0**power else 1
    least = 0.05 * 1000.0**power if digits else 0.0
    return [
        _signed(f"{value / 1000.0**power:,.{digits}f}{SPACE}{_UNITS[power]}") if abs(value) >= least else size(value)
        for value in cells
    ]


def size_ticks(values: Iterable[float]) -> list[str]:
    """For an axis: 5 GB."""
    powers = [(value, _power(value)) for value in values]
    return [_signed(f"{value / 1000.0**power:.3g}{SPACE}{_UNITS[power]}") for value, power in powers]


def usd(value: float) -> str:
    """US dollars, with more digits the smaller the amount: $1,234, $12.30, $0.0042."""
    return usd_column([value])[0]


def usd_column(values: Iterable[float]) -> list[str]:
    """US dollars with the digits that the largest amount needs. A positive amount never reads as zero."""
    cells = list(values)
    largest = max(map(abs, cells), default=0.0)
    digits = next((digits for least, digits in _DOLLARS if largest >= least), 6) if largest else 2
    least = 10.0**-digits
    return [_dollars(value, digits) if not 0 < value < least / 2 else f"<${least:.{digits}f}" for value in cells]


def share(part: float, whole: float) -> str:
    """98.6 %. A share above 0 never reads as 0 %, a share below 100 never as 100 %."""
    if not whole:
        return NONE
    value = 100 * part / whole
    if 0 < abs(value) < 0.05:  # noqa: PLR2004 - else it would read 0.0
        return f"<{SPACE}0.1{SPACE}%" if value > 0 else f">{SPACE}{MINUS}0.1{SPACE}%"
    if 99.95 <= value < 100:  # noqa: PLR2004 - else it would read 100.0
        return f">{SPACE}99.9{SPACE}%"
    return _signed(f"{value:.0f}{SPACE}%" if value in {0, 100, -100} else f"{value:.1f}{SPACE}%")


def change(now: float, before: float) -> str:
    """+12 %; empty if `before` is 0."""
    if not before:
        return ""
    value = 100 * (now - before) / abs(before)
    if abs(value) >= 999.5:  # noqa: PLR2004 - a factor reads better
        return f"\N{MULTIPLICATION SIGN}{SPACE}{now / before:,.0f}"
    rounded = f"{value:+.0f}"
    return f"\N{PLUS-MINUS SIGN}0{SPACE}%" if float(rounded) == 0 else _signed(f"{rounded}{SPACE}%")


def seconds(value: float) -> str:
    """0.42 s, 12 s, 3.2 min, 1.4 h."""
    for unit, length in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if value >= 1.5 * length:
            return f"{_two_digits(value / length)}{SPACE}{unit}"
    if value < 0.0995:  # noqa: PLR2004 - milliseconds keep two digits
        return f"{value * 1000:.0f}{SPACE}ms"
    return f"{_two_digits(value)}{SPACE}s"


def time_tick(value: float) -> str:
    """For an axis: 0.1 s, 10 min."""
    for unit, length in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if value >= length:
            return f"{value / length:.3g}{SPACE}{unit}"
    return f"{value:.3g}{SPACE}s"


def day(value: date) -> str:
    """3 November 2026."""
    return f"{value.day}{SPACE}{value:%B}{SPACE}{value.year}"


def brief_day(value: date) -> str:
    """3 Nov."""
    return f"{value.day}{SPACE}{value:%b}"


def span(first: date, last: date) -> str:
    """27 October to 25 November 2026."""
    if first == last:
        return day(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {day(last)}"
    if first.year == last.year:
        return f"{first.day}{SPACE}{first:%B} to {day(last)}"
    return f"{day(first)} to {day(last)}"


def number(value: int, singular: str, plural: str) -> str:
    """1 customer, 7 customers."""
    return f"{count(value)}{SPACE}{singular if value == 1 else plural}"


def _two_digits(value: float) -> str:
    """The number with two digits; below 1, with two decimals."""
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.995 else f"{value:.2f}"  # noqa: PLR2004


def _signed(text: str) -> str:
    return text.replace("-", MINUS)


def _dollars(value: float, digits: int) -> str:
    return f"{MINUS if value < 0 else ''}${abs(value):,.{digits}f}"


def _power(value: float) -> int:
    """The power of a thousand that leaves at most three digits before the point."""
    power = 0
    while abs(value) >= 999.5 * 1000.0**power and power < len(_UNITS) - 1:
        power += 1
    return power
