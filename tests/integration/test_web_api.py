"""Rules for all requests to the web API: headers, invalid requests, errors and their log lines."""

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from core.domain.errors import Misconfigured
from tests.support.web.web_world import WebWorld, claims_of, event


def test_answers_of_the_api_are_not_cached_and_static_files_have_etags(world: WebWorld) -> None:
    api = world.ask("acme", "GET", "/api/images")
    assert api.headers["cache-control"] == "no-store"
    page = world.client.get("/")
    assert page.headers["cache-control"] == "no-cache"
    again = world.client.get("/", headers={"If-None-Match": f'W/"x", {page.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    for answer in (api, page, again, world.client.get("/nowhere"), world.client.get("/api/docs")):
        policy = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))
        assert (
            policy["default-src"]
            == policy["base-uri"]
            == policy["frame-ancestors"]
            == policy["form-action"]
            == "'none'"
        )
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert policy["connect-src"] == f"'self' {world.endpoint}/{world.bucket}/ http://testserver"
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_a_bug_is_answered_and_logged_with_its_place_and_without_the_requests_data(
    world: WebWorld,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_arguments: object) -> None:
        raise ValueError("secret.jpg")

    monkeypatch.setattr(type(world.web.gallery.rows), "page", broken)
    request = event("GET", "/api/images", claims_of("acme"), rawQueryString="text=secret.jpg")
    answer = world.handle(request, None)  # type: ignore[arg-type]
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (500, "internal_error")
    log = capsys.readouterr().err + caplog.text
    assert "GET /api/images: ValueError at test_web_api.py:" in log
    assert "secret" not in log


def test_an_unreachable_database_is_a_503_without_details(
    postgres: Callable[[], str], world: WebWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    from core.adapters.postgres.connection import Database

    away = Database(postgres().replace("test_", "none_"), 2)
    world.web.gallery.rows._database.close()  # type: ignore[attr-defined]
    world.web.gallery.rows._database = away  # type: ignore[attr-defined]
    answer = world.ask("acme", "GET", "/api/images")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert "none_" not in answer.text + capsys.readouterr().err


@pytest.mark.parametrize(
    ("body", "headers", "status", "detail"),
    [
        (b"{", {}, 400, "In the body: "),
        (b'{"pipeline": "\xff", "files": []}', {}, 400, "In the body: "),
        (b'{"pipeline": "web", "odd": ' + b"[" * 100_000, {}, 400, "In the body: "),
        (b'{"pipeline": "web"}', {}, 400, "In the body: Object missing required field `files`."),
        (b'{"pipeline": "web", "files": []}', {}, 400, "In the body: Expected `array` of length >= 1 - at `$.files`."),
        (b'{"pipeline": "web", "files": [{"name": "a", "bytes": -1}]}', {}, 400,
         "In the body: Expected `int` >= 0 - at `$.files[0].bytes`."),
        (b"{}", {"Content-Type": "text/plain"}, 415, ""),
        (b"x" * 1_000_001, {}, 413, ""),
    ],
)  # fmt: skip
def test_an_invalid_body_is_refused_with_the_name_of_the_field(
    world: WebWorld, body: bytes, headers: dict[str, str], status: int, detail: str
) -> None:
    answer = world.ask(
        "acme", "POST", "/api/uploads", content=body, headers={"Content-Type": "application/json", **headers}
    )
    assert answer.status_code == status
    assert answer.json()["detail"].startswith(detail)


def test_the_database_user_of_the_web_api_cannot_write(world: WebWorld) -> None:
    rows: Any = world.web.gallery.rows
    with (
        pytest.raises(Misconfigured, match="InsufficientPrivilege"),
        rows._cursor() as cursor,
    ):
        cursor.execute("DELETE FROM images")


def test_a_body_that_is_not_utf8_is_refused(world: WebWorld) -> None:
    body = b'{"pipeline": "web", "files": [{"name": "\xff.jpg", "bytes": 9}]}'
    answer = world.ask("acme", "POST", "/api/uploads", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_request"
    assert answer.json()["detail"].startswith("In the body: ")


@pytest.mark.parametrize("path", ["/api/numbers", "/api/images"])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=0001-01-01T00:00:00%2B14:00", "since"),
        ("until=0001-01-01T00:00:00Z", "until"),
        ("until=9999-12-31T23:59:59-14:00", "until"),
        ("since=2020-01-01T00:00:00Z&until=9999-12-31T23:59:59-14:00", "until"),
        ("since=1999-12-31T23:59:59Z", "since"),
        ("until=2101-01-01T00:00:00Z", "until"),
    ],
)
def test_a_time_outside_the_valid_years_is_refused_with_the_name_of_the_field(
    world: WebWorld, path: str, query: str, field: str
) -> None:
    answer = world.ask("acme", "GET", f"{path}?{query}")
    assert answer.status_code == 400
    assert answer.json()["detail"] == f"In the query: {field} must be from the year 2000 to the year 2100."


def test_the_first_and_last_valid_moments_are_accepted(world: WebWorld) -> None:
    edges = {"since": "2000-01-01T00:00:00+14:00", "until": "2100-12-31T23:59:59-14:00"}
    for path in ("/api/numbers", "/api/images"):
        for query in (edges, {"until": edges["since"]}, {"since": "2100-12-31T23:59:59Z", "until": edges["until"]}):
            world.get("acme", path, **query)


def forged(cursor: str, *position: str) -> str:
    """A cursor with the digest of `cursor` and another position."""
    digest, *_ = json.loads(base64.urlsafe_b64decode(cursor + "=="))
    return base64.urlsafe_b64encode(json.dumps([digest, *position]).encode()).rstrip(b"=").decode()


IMAGE_ID = "0b9c0000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    "position",
    [
        ("nonsense", "x"),
        ("nonsense", IMAGE_ID),
        ("infinity", IMAGE_ID),
        ("now", IMAGE_ID),
        ("2026-11-01T00:00:00", IMAGE_ID),
        ("2026-11-01T00:00:00Z", "x"),
        ("2026-11-01T00:00:00Z",),
        ("2026-11-01T00:00:00Z", IMAGE_ID, "more"),
    ],
)
def test_a_forged_cursor_of_images_is_refused_and_not_logged(
    world: WebWorld, position: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        world.image()
    cursor = forged(world.get("acme", "/api/images", limit=1)["next"], *position)
    answer = world.ask("acme", "GET", "/api/images", params={"limit": 1, "cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert answer.json()["detail"].startswith("cursor: ")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "key",
    [
        "\x01",
        "incoming/acme/\x01",
        "incoming/acme/web/u\n/a.jpg",
        "incoming/globex/web/u/a.jpg",
        "results/",
        "incoming/acme/" + "x" * 1100,
        "incoming/acme",
        "",
    ],
)
def test_a_forged_cursor_of_waiting_uploads_is_refused_and_not_logged(
    world: WebWorld, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from handler.web import cursors

    cursor = cursors.write((key,), "waiting", "acme")
    answer = world.ask("acme", "GET", "/api/uploads", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert answer.json()["detail"].startswith("cursor: ")
    assert capsys.readouterr().err == ""


def test_a_request_with_the_current_etag_is_answered_without_a_body(world: WebWorld) -> None:
    for _ in range(3):
        world.image()
    first = world.ask("acme", "GET", "/api/images?limit=9")
    tag = first.headers["etag"]
    assert first.json()["images"][0]["thumbnail"]["url"]
    for known in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        again = world.ask("acme", "GET", "/api/images?limit=9", headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == "no-store"
    assert world.ask("acme", "GET", "/api/images?limit=1", headers={"If-None-Match": tag}).status_code == 200
    assert world.ask("globex", "GET", "/api/images?limit=9", headers={"If-None-Match": tag}).status_code == 200
    world.image()
    fresh = world.ask("acme", "GET", "/api/images?limit=9", headers={"If-None-Match": tag})
    assert (fresh.status_code, len(fresh.json()["images"])) == (200, 4)
    assert fresh.headers["etag"] != tag


def test_the_etag_changes_when_links_are_signed_again(world: WebWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.image()
    start = datetime(2026, 11, 25, 12, 0)  # noqa: DTZ001 - botocore's times have no zone

    def look(minutes: float, tag: str = "") -> Any:
        monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: start + timedelta(minutes=minutes))
        return world.ask("acme", "GET", "/api/images", headers={"If-None-Match": tag} if tag else {})

    tag = look(0).headers["etag"]
    assert look(14.9, tag).status_code == 304
    assert look(15, tag).status_code == 200
