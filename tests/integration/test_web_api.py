"""What holds for every request to the page's API: headers, wrong requests, and what the log says of them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from core.errors import Misconfigured
from tests.web_world import WebWorld, claims_of, event


def test_answers_of_the_api_are_kept_nowhere_and_the_pages_files_are_known_by_their_content(world: WebWorld) -> None:
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
        assert policy["connect-src"] == f"'self' {world.endpoint} http://testserver"
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_a_mistake_of_ours_is_an_answer_and_the_log_says_where_and_not_what_was_asked(
    world: WebWorld,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_arguments: object) -> None:
        raise ValueError("secret.jpg")

    monkeypatch.setattr(type(world.web.gallery.rows), "page", broken)
    asked = event("GET", "/api/images", claims_of("acme"), rawQueryString="text=secret.jpg")
    answer = world.handle(asked, None)  # type: ignore[arg-type]
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (500, "internal_error")
    said = capsys.readouterr().err + caplog.text
    assert "GET /api/images: ValueError at test_web_api.py:" in said
    assert "secret" not in said


def test_a_database_that_is_away_is_a_503_that_says_no_more(
    postgres: Callable[[], str], world: WebWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    from core.adapters.database import Database

    away = Database(postgres().replace("test_", "none_"), 2)
    world.web.gallery.rows._database.hang_up()  # type: ignore[attr-defined]
    world.web.gallery.rows._database = away  # type: ignore[attr-defined]
    answer = world.ask("acme", "GET", "/api/images")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert "none_" not in answer.text + capsys.readouterr().err


@pytest.mark.parametrize(
    ("body", "headers", "status", "detail"),
    [
        (b"{", {}, 400, "In the body: "),
        (b'{"pipeline": "web"}', {}, 400, "In the body: Object missing required field `files`."),
        (b'{"pipeline": "web", "files": []}', {}, 400, "In the body: Expected `array` of length >= 1 - at `$.files`."),
        (b'{"pipeline": "web", "files": [{"name": "a", "bytes": -1}]}', {}, 400,
         "In the body: Expected `int` >= 0 - at `$.files[0].bytes`."),
        (b"{}", {"Content-Type": "text/plain"}, 415, ""),
        (b"x" * 1_000_001, {}, 413, ""),
    ],
)  # fmt: skip
def test_a_wrong_body_is_told_by_the_field_that_is_wrong(
    world: WebWorld, body: bytes, headers: dict[str, str], status: int, detail: str
) -> None:
    answer = world.ask(
        "acme", "POST", "/api/uploads", content=body, headers={"Content-Type": "application/json", **headers}
    )
    assert answer.status_code == status
    assert answer.json()["detail"].startswith(detail)


def test_the_pages_user_of_the_database_may_change_nothing(world: WebWorld) -> None:
    rows: Any = world.web.gallery.rows
    with (
        pytest.raises(Misconfigured, match="InsufficientPrivilege"),
        rows._cursor() as cursor,
    ):
        cursor.execute("DELETE FROM images")
