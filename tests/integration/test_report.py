"""Reports compared with an independent count of the same images, and their CSV and Parquet files."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pyarrow import parquet

from core.adapters.postgres.figures import PostgresFigures
from core.adapters.postgres.ledger import PostgresLedger
from core.bootstrap.ledger import report_service
from core.domain.errors import Code, Misconfigured, Refusal
from core.domain.model import Result
from core.ports.report_rows import PAGE_ROWS, ROW_KEY, Page, PageCursor, Row
from core.ports.reports import DIMENSIONS, MAX_DAYS, Report, ReportQuery, Sums
from core.services import reporting
from core.services.reporting import ReportService, all_rows
from handler import admin
from localcloud.lambda_.function import MAX_PAYLOAD
from pictureperfect.reports.export import COLUMNS, write_csv, write_parquet
from tests.support.ledger import counted
from tests.support.ledger.counted import LAST, PICKS

QUERY = ReportQuery(since=LAST - timedelta(days=19), until=LAST)
QUERIES = [QUERY, msgspec.structs.replace(QUERY, customer="acme")]
IMAGES = counted.images()


@pytest.fixture(scope="module")
def url(postgres: Callable[[], str]) -> str:
    """A ledger that holds IMAGES."""
    database = postgres()
    ledger = PostgresLedger(database)
    ledger.migrate()
    ledger.record(IMAGES, [])
    ledger.close()
    return database


@pytest.fixture
def reports(url: str) -> Any:
    with report_service({"DATABASE_URL": url}) as service:
        yield service


def images_of(query: ReportQuery) -> list[Result]:
    """The images that a query is about."""
    return [
        image
        for image in IMAGES
        if query.since <= image.committed_at.date() <= query.until and query.customer in (None, image.customer)
    ]


def same(actual: Sums, expected: Sums) -> bool:
    """Whether integers are equal, and seconds and dollars to seven digits."""
    return all(
        getattr(actual, name) == pytest.approx(getattr(expected, name), rel=1e-7)
        if isinstance(getattr(expected, name), float)
        else getattr(actual, name) == getattr(expected, name)
        for name in Sums.__struct_fields__
    )


@pytest.mark.parametrize("query", QUERIES, ids=["all", "one"])
def test_every_sum_is_what_was_counted_beside_the_ledger(reports: ReportService, query: ReportQuery) -> None:
    report, mine, before = reports.report(query), images_of(query), images_of(query.before)
    assert len(before) > 20
    assert same(report.sums, counted.sums(mine))
    assert same(report.before, counted.sums(before))
    for kind in DIMENSIONS:
        expected, earlier = (counted.by(images, PICKS[kind]) for images in (mine, before))
        assert {line.name for line in report.by[kind]} == set(expected)
        for line in report.by[kind]:
            assert same(line.sums, expected[line.name])
            assert same(line.before, earlier.get(line.name, Sums()))
    days = counted.by(mine, lambda image: image.committed_at.date())
    assert {day.day for day in report.days} == set(days)
    assert all(same(day.sums, days[day.day]) for day in report.days)
    assert sum(sum(day.usd.values()) for day in report.days) == pytest.approx(report.sums.usd)
    assert report.customers == len({image.customer for image in mine})
    codes = counted.by((image for image in mine if image.code), lambda image: image.code)
    assert {failure.code: failure.images for failure in report.failures} == {
        code: sums.images for code, sums in codes.items()
    }
    assert all(failure.what and failure.advice for failure in report.failures)


def test_the_time_to_the_commit_is_exact_for_one_customer_and_near_for_all(reports: ReportService) -> None:
    for query, least, most in zip(QUERIES, (0.85, 1.0), (1.3, 1.0), strict=True):
        waits = sorted((image.committed_at - image.received_at).total_seconds() for image in images_of(query))
        latency = reports.report(query).latency
        assert latency is not None
        for share, value in ((0.5, latency.p50), (0.95, latency.p95)):
            place = share * (len(waits) - 1)
            low, high = waits[int(place)], waits[min(int(place) + 1, len(waits) - 1)]
            assert low * least - 1e-6 <= value <= high * most + 1e-6


def test_those_who_send_more_and_those_who_send_less_are_named(reports: ReportService) -> None:
    now, before = (counted.by(images_of(query), PICKS["customer"]) for query in (QUERY, QUERY.before))
    gains = {str(name): now[name].images - before[name].images for name in now}
    found = {line.name: line.sums.images - line.before.images for line in reports.report(QUERY).movers}
    assert found == {name: gain for name, gain in gains.items() if gain}
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert len({gain > 0 for gain in found.values()}) == 2


def test_a_customer_that_sends_no_more_is_a_mover_and_a_new_one_too(reports: ReportService) -> None:
    lines = reporting._lines({"new": Sums(images=3)}, {"gone": Sums(images=5)})
    assert [(line.name, line.sums.images, line.before.images) for line in reporting._movers(lines)] == [
        ("new", 3, 0),
        ("gone", 0, 5),
    ]


@pytest.mark.parametrize("query", QUERIES, ids=["all", "one"])
def test_the_sums_of_the_rows_are_the_sums_of_the_images(reports: ReportService, query: ReportQuery) -> None:
    rows, expected = list(all_rows(reports, query)), counted.sums(images_of(query))
    for name in ("images", "outputs", "bytes_in", "bytes_out", "bytes_saved"):
        assert sum(getattr(row, name) for row in rows) == getattr(expected, name)
    assert sum(row.usd for row in rows) == pytest.approx(expected.usd)
    assert sum(row.images for row in rows if row.code) == expected.failed
    keys = [(row.day, *(getattr(row, name) or "" for name in ROW_KEY)) for row in rows]
    assert len(set(keys)) == len(keys)
    assert keys == sorted(keys)


def test_an_analyst_who_sees_views_alone_gets_the_same(reports: ReportService, url: str) -> None:
    with report_service({"DATABASE_URL": f"{url}&options=-c%20role%3Dpicture_perfect_analyst"}) as theirs:
        for query in QUERIES:
            mine, found = reports.report(query), theirs.report(query)
            assert msgspec.structs.replace(found, made_at=mine.made_at) == mine
            assert list(all_rows(theirs, query)) == list(all_rows(reports, query))


@pytest.mark.parametrize("size", [1, 7, 40])
def test_pages_of_any_size_have_every_row_once(
    reports: ReportService, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    query = msgspec.structs.replace(QUERY, since=LAST - timedelta(days=2))
    whole = list(all_rows(reports, query))
    assert len(whole) > 20
    monkeypatch.setattr(reporting, "PAGE_ROWS", size)
    assert list(all_rows(reports, query)) == whole


def test_no_answer_is_larger_than_lambda_lets_it_be(reports: ReportService) -> None:
    (row, *_) = all_rows(reports, QUERY)
    long = {"customer": "c" * 64, "pipeline": "p" * 63, "source": "reference", "code": "unsupported_format"}
    largest = msgspec.structs.replace(
        row, **long, seconds=1 / 3, cpu_seconds=1e5 / 3, usd=1e-5 / 3, **dict.fromkeys(COLUMNS[8:13], 10**15)
    )
    page = Page(rows=(largest,) * PAGE_ROWS, next=PageCursor(day=LAST, after=("c" * 64,) * 7))
    assert len(msgspec.json.encode(page)) < MAX_PAYLOAD
    report = reports.report(QUERY)
    days = report.days[:1] * MAX_DAYS
    lines = report.by["customer"][:1] * (reporting._LINES + 1)
    whole = msgspec.structs.replace(report, days=days, by=dict.fromkeys(DIMENSIONS, lines))
    assert len(msgspec.json.encode(whole)) < MAX_PAYLOAD


def test_the_operators_function_answers_the_same(reports: ReportService, url: str) -> None:
    environ = {"DATABASE_URL": url}
    asked = {"action": "report", "since": str(QUERY.since), "until": str(QUERY.until)}
    answer = msgspec.convert(admin.answer(asked, environ), Report)
    assert msgspec.structs.replace(answer, made_at=LAST) == msgspec.structs.replace(reports.report(QUERY), made_at=LAST)
    page = msgspec.convert(admin.answer({**asked, "of": "rows"}, environ), Page)
    assert (list(page.rows), page.next) == (list(all_rows(reports, QUERY)), None)


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-11-02", "until": "2026-11-01"}, "until"),
        ({"since": "1999-01-01"}, "since"),
        ({"since": "0001-01-01", "until": "0005-01-01"}, "since"),
        ({"until": "9999-12-31"}, "until"),
        ({"until": "0001-01-05"}, "since"),
        ({"customer": ""}, "customer"),
        ({"of": "everything"}, "of"),
        ({"customers": "acme"}, "customers"),
        ({"of": "rows", "place": {"day": "2026-13-01"}}, "place.day"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_with_its_field(event: dict[str, Any], field: str, url: str) -> None:
    with pytest.raises(Refusal) as caught:
        admin.answer({"action": "report", **event}, {"DATABASE_URL": url})
    assert caught.value.code is Code.INVALID_REQUEST
    assert field in caught.value.message


def test_csv_and_parquet_hold_the_same_documented_columns(reports: ReportService, tmp_path: Path) -> None:
    found = list(all_rows(reports, QUERY))
    text = io.StringIO()
    assert write_csv(found, text) == write_parquet(found, tmp_path / "rows.parquet") == len(found)
    text.seek(0)
    read = list(csv.DictReader(text))
    table = parquet.read_table(tmp_path / "rows.parquet")
    assert tuple(read[0]) == tuple(table.column_names) == COLUMNS
    back = [msgspec.convert(row, Row) for row in table.to_pylist()]
    assert back == found
    assert [msgspec.convert({**row, "code": row["code"] or None}, Row, strict=False) for row in read] == found
    kinds = {name: str(table.schema.field(name).type) for name in COLUMNS}
    assert (kinds["day"], kinds["images"], kinds["usd"]) == ("date32[day]", "int64", "double")
    documented = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text()
    section = documented.partition("## report\n")[2].partition("\n## ")[0].partition("| column |")[2]
    names = [
        name for line in re.findall(r"^\| (`.+?) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", line)
    ]
    assert tuple(names) == COLUMNS


def test_a_ledger_that_has_nothing_says_so(database_url: str) -> None:
    reports = ReportService(figures=PostgresFigures(database_url))
    report = reports.report(QUERY)
    assert (report.sums, report.days, report.failures, report.latency) == (Sums(), (), (), None)
    assert list(all_rows(reports, QUERY)) == []


def test_an_outdated_schema_and_a_missing_permission_are_reported_differently(
    postgres: Callable[[], str], database_url: str
) -> None:
    with pytest.raises(Misconfigured, match="migrate"):
        ReportService(figures=PostgresFigures(postgres())).report(QUERY)
    with pytest.raises(Misconfigured, match="permission denied") as caught:
        ReportService(figures=PostgresFigures(f"{database_url}&options=-c%20role%3Dpg_monitor")).report(QUERY)
    assert "migrate" not in caught.value.message
