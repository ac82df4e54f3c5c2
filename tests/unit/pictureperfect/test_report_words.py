"""The report's numbers, axes and sentences."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ports.reports import Report, ReportQuery, Sums
from pictureperfect import numbers
from pictureperfect.reports import html, svg

S, MINUS = numbers.SPACE, numbers.MINUS


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        (numbers.count(1234567), "1,234,567"),
        (numbers.count(-12), f"{MINUS}12"),
        (numbers.size(0), f"0{S}B"),
        (numbers.size(999), f"999{S}B"),
        (numbers.size(999_700), f"1.00{S}MB"),
        (numbers.size(12_340_000), f"12.3{S}MB"),
        (numbers.size(-1_500), f"{MINUS}1.50{S}kB"),
        (numbers.usd(0), "$0.00"),
        (numbers.usd(0.0262), "$0.026"),
        (numbers.usd(12.3), "$12.30"),
        (numbers.usd(12345.6), "$12,346"),
        (numbers.usd(0.0000021), "$0.000002"),
        (numbers.share(1, 3), f"33.3{S}%"),
        (numbers.share(0, 3), f"0{S}%"),
        (numbers.share(3, 3), f"100{S}%"),
        (numbers.share(1, 100_000), f"<{S}0.1{S}%"),
        (numbers.share(99_999, 100_000), f">{S}99.9{S}%"),
        (numbers.share(0, 0), numbers.NONE),
        (numbers.share(-1, 2), f"{MINUS}50.0{S}%"),
        (numbers.share(-2, 2), f"{MINUS}100{S}%"),
        (numbers.change(112, 100), f"+12{S}%"),
        (numbers.change(88, 100), f"{MINUS}12{S}%"),
        (numbers.change(100, 100), f"±0{S}%"),
        (numbers.change(4000, 100), f"\N{MULTIPLICATION SIGN}{S}40"),
        (numbers.change(5, 0), ""),
        (numbers.seconds(0.0123), f"12{S}ms"),
        (numbers.seconds(0.42), f"0.42{S}s"),
        (numbers.seconds(75), f"75{S}s"),
        (numbers.seconds(192), f"3.2{S}min"),
        (numbers.seconds(90_000), f"25{S}h"),
        (numbers.span(date(2026, 11, 5), date(2026, 11, 24)), f"5 to 24{S}November{S}2026"),
        (numbers.span(date(2026, 10, 27), date(2026, 11, 25)), f"27{S}October to 25{S}November{S}2026"),
        (numbers.span(date(2026, 11, 5), date(2026, 11, 5)), f"5{S}November{S}2026"),
    ],
)
def test_numbers_are_written_with_few_digits_and_a_unit(written: str, wanted: str) -> None:
    assert written == wanted


def test_a_column_has_the_same_digits_and_only_zero_reads_as_zero() -> None:
    assert numbers.usd_column([0.82, 0.0003, 0, 12.5]) == ["$0.82", "<$0.01", "$0.00", "$12.50"]
    assert numbers.size_column([5.4e9, 0.7e9, 12e6, 0]) == [f"5.4{S}GB", f"0.7{S}GB", f"12.0{S}MB", f"0{S}B"]


@given(st.floats(min_value=1e-9, max_value=1e15))
def test_an_axis_begins_at_zero_and_reaches_the_largest_value(largest: float) -> None:
    top, ticks = svg.scale(largest, numbers.count_ticks)
    assert largest <= top * (1 + 1e-9)
    assert top <= 2.6 * largest
    assert 2 <= len(ticks) <= 7
    assert (ticks[0].at, ticks[-1].at) == (0, 100)


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)), st.integers(1, 3660))
def test_every_day_has_one_column_and_there_are_never_too_many(first: date, days: int) -> None:
    last = first + timedelta(days=days - 1)
    found = svg.spans(first, last)
    assert (found[0].first, found[-1].last) == (first, last)
    assert all(later.first == earlier.last + timedelta(days=1) for earlier, later in pairwise(found))
    assert len(found) <= 125


def test_a_line_has_gaps_and_a_value_alone_is_a_dot() -> None:
    assert svg._path([1.0, 2.0, None, 3.0, None]) == "M0.5 1.00L1.5 2.00M3.5 3.00h0"


def report(now: int, before: int, until: date = date(2026, 11, 24)) -> Report:
    return Report(
        question=ReportQuery(since=until - timedelta(days=29), until=until),
        made_at=datetime(2026, 11, 25, 9, tzinfo=UTC),
        version="1",
        prices="us-east-1 of 2026-11-25",
        sums=Sums(images=now),
        before=Sums(images=before),
        customers=1,
        latency=None,
        days=(),
        by={},
        movers=(),
        failures=(),
    )


@pytest.mark.parametrize(
    ("now", "before", "sentence"),
    [
        (1_000_001, 1_000_000, "That is about as many images as in the 30 days before."),
        (999_999, 1_000_000, "That is about as many images as in the 30 days before."),
        (1_000_000, 1_000_000, "That is as many images as in the 30 days before."),
        (1_120, 1_000, f"That is 12{S}% more images than in the 30 days before."),
        (880, 1_000, f"That is 12{S}% fewer images than in the 30 days before."),
        (50_000, 1_000, "That is 50 times as many images as in the 30 days before."),
    ],
)
def test_the_lead_says_more_or_fewer_only_if_there_is_a_difference(now: int, before: int, sentence: str) -> None:
    assert html.lead(report(now, before)).endswith(sentence)


def test_a_comparison_with_a_day_that_is_not_over_says_so() -> None:
    unfinished = report(880, 1_000, until=date(2026, 11, 25))
    assert html.lead(unfinished).endswith("fewer images than in the 30 days before; today is not over.")
    assert "Today is not over" in html.footnotes(unfinished)[-1]
    assert "oday is not over" not in html.lead(report(880, 1_000)) + html.footnotes(report(880, 1_000))[-1]


def test_the_stated_accuracy_of_waits_is_that_of_a_bucket() -> None:
    assert "accurate to within 26 %" in html.footnotes(report(1, 1))[0]
    assert 0 < 0.26 - (10**0.1 - 1) < 0.01
