"""The page's API for one customer: uploads, images, erasure, numbers. On moto's S3 and a real PostgreSQL."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from core.adapters.postgres import PostgresLedger
from core.adapters.s3 import S3Store
from core.errors import Code, Misconfigured
from core.model import Door, Estimate, ObjectRef, Route, Source, Status
from core.recording import Recording
from tests.values import NOW
from tests.web_world import WebWorld, claims_of, event, web_world

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PART = 8 * 1024**2


@pytest.fixture(scope="module")
def tables(postgres: Callable[[], str]) -> str:
    """One database for all of these: making each its own takes longer than all that they do in it."""
    url = postgres()
    ledger = PostgresLedger(url)
    ledger.migrate()
    ledger.close()
    return url


@pytest.fixture
def world(tables: str, bucket: str, s3: "S3Client", cloud: str) -> Iterator[WebWorld]:
    with psycopg.connect(tables) as connection:
        connection.execute(
            "TRUNCATE images, renditions, tombstones, rollup_days, rollup_months, rollup_histograms,"
            " rollup_customer_latencies"
        )
    with web_world(s3, bucket, tables, cloud) as made:
        yield made


def announced(world: WebWorld, *files: dict[str, Any], pipeline: str = "web") -> Any:
    return world.post("acme", "/api/uploads", {"pipeline": pipeline, "files": list(files)}, 201)


def send(form: dict[str, Any], body: bytes) -> int:
    return httpx.post(form["url"], data=form["fields"], files={"file": body}, trust_env=False).status_code


# Uploads


NAMES = {
    "climbs": ("../../../etc/passwd.jpg", "passwd.jpg"),
    "climbs as Windows does": ("..\\..\\boot.jpg", "boot.jpg"),
    "a folder's": ("holiday/sea/a.jpg", "a.jpg"),
    "NUL": ("a\0b.jpg", "a_b.jpg"),
    "a mark that turns text around": ("gpj.\u202eexe.jpg", "gpj._exe.jpg"),
    "emoji": ("🌅👩‍👩‍👧.jpg", "🌅👩_👩_👧.jpg"),
    "HTML": ("<img src=x onerror=alert(1)>.jpg", "<img src=x onerror=alert(1)>.jpg"),
    "quotes": ("\"'`;--.jpg", "\"'`;--.jpg"),
    "percent": ("%2e%2e%2f%00.jpg", "%2e%2e%2f%00.jpg"),
    "only dots": ("..", "image"),
    "nothing": ("", "image"),
    "a line's end": ("a\r\nSet-Cookie: x.jpg", "a__Set-Cookie: x.jpg"),
    "right to left": ("صورة.jpg", "صورة.jpg"),
    "a thousand characters": ("x" * 996 + ".jpg", "x" * 196 + ".jpg"),
    "a thousand emoji": ("🌅" * 1000 + ".jpg", "🌅" * 49 + ".jpg"),
}


@pytest.mark.parametrize(("name", "kept"), NAMES.values(), ids=NAMES)
def test_a_file_of_any_name_is_stored_under_its_customer_and_comes_back_as_text(
    world: WebWorld, name: str, kept: str
) -> None:
    (file,) = announced(world, {"name": name, "bytes": 5, "type": "image/jpeg"})["accepted"]
    assert file["name"] == kept
    key = f"incoming/acme/web/{file['upload']}/{kept}"
    assert file["form"]["fields"]["key"] == key
    assert send(file["form"], b"12345") == 201
    assert world.objects("") == {key: world.objects("incoming/acme/")[key]}
    assert [item["name"] for item in world.get("acme", "/api/uploads")["uploads"]] == [kept]
    made = world.image(name=kept)
    answer = world.ask("acme", "GET", f"/api/images/{made.image_id}")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json()["image"]["name"] == kept
    assert httpx.get(answer.json()["renditions"][0]["download_url"], trust_env=False).content == b"small"


def test_files_that_may_not_come_are_told_why_and_the_others_may(world: WebWorld) -> None:
    answer = announced(
        world,
        {"name": "a.jpg", "bytes": 1},
        {"name": "empty.jpg", "bytes": 0},
        {"name": "notes.txt", "bytes": 1, "type": "text/plain"},
        {"name": "drawing.svg", "bytes": 1, "type": "image/svg+xml"},
        {"name": "large.tif", "bytes": 50_000_000},
        {"name": "almost.tif", "bytes": 49_999_999},
        {"name": "photo", "bytes": 1, "type": "image/HEIC"},
    )
    assert [file["index"] for file in answer["accepted"]] == [0, 5, 6]
    types = [file["form"]["fields"]["Content-Type"] for file in answer["accepted"]]
    assert types == ["image/jpeg", "image/tiff", "image/heic"]
    assert {file["index"]: file["code"] for file in answer["refused"]} == {
        1: "empty_file",
        2: "unsupported_format",
        3: "unsupported_format",
        4: "too_many_bytes",
    }


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/uploads", {"pipeline": "wbe", "files": [{"name": "a.jpg", "bytes": 1}]}),
        ("/api/multipart", {"pipeline": "wbe", "name": "a.jpg", "bytes": 1}),
    ],
)
def test_a_pipeline_that_is_not_there_is_named_with_those_that_are(
    world: WebWorld, path: str, body: dict[str, Any]
) -> None:
    answer = world.ask("acme", "POST", path, json=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "unknown_pipeline"
    assert problem["type"] == "/api/docs#unknown_pipeline"
    assert problem["title"] == "Bad Request"
    assert problem["detail"] == "pipeline: there is no pipeline wbe; there are archive, restore, thumbnail, web."
    assert problem["request_id"]


def test_the_pipelines_are_those_that_process_has(world: WebWorld) -> None:
    from core.pipeline import load_folder, shipped

    found = {item["name"]: item for item in world.get("acme", "/api/pipelines")["pipelines"]}
    loaded = load_folder(shipped())
    assert set(found) == set(loaded)
    for name, pipeline in loaded.items():
        assert found[name]["description"] == pipeline.description
        assert [item["name"] for item in found[name]["renditions"]] == [item.name for item in pipeline.renditions]


def test_what_waits_is_listed_page_by_page_and_what_other_doors_staged_is_not(
    world: WebWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.uploading._WAITING", 4)
    for index in range(7):
        world.put(f"incoming/acme/web/u{index}/a.jpg", b"x", "image/jpeg")
    world.put(f"incoming/acme/web/inline-{uuid4()}/source", b"x", "image/jpeg")
    first = world.get("acme", "/api/uploads")
    second = world.get("acme", "/api/uploads", cursor=first["next"])
    assert second["next"] is None
    uploads = [item["upload"] for item in (*first["uploads"], *second["uploads"])]
    assert uploads == [f"u{index}" for index in range(7)]


# Uploads in parts


def put(part: dict[str, Any], body: bytes) -> int:
    piece = body[part["offset"] : part["offset"] + part["bytes"]]
    return httpx.put(part["url"], content=piece, trust_env=False).status_code


def test_an_upload_whose_connection_was_lost_goes_on_with_what_is_missing(world: WebWorld) -> None:
    body = b"".join(bytes([number]) * PART for number in range(1, 4)) + b"the rest"
    begun = world.post("acme", "/api/multipart", {"pipeline": "web", "name": "large.tif", "bytes": len(body)}, 201)
    path = f"/api/multipart/web/{begun['upload']}"
    asked = {"bytes": len(body), "numbers": [1, 2, 3, 4]}
    parts = world.post("acme", f"{path}/parts", asked)["parts"]
    assert [(part["offset"], part["bytes"]) for part in parts] == [
        (0, PART),
        (PART, PART),
        (2 * PART, PART),
        (3 * PART, 8),
    ]
    assert put(parts[0], body) == put(parts[2], body) == 200
    # The connection is lost in the middle of the second part: S3 keeps nothing of it
    with pytest.raises(httpx.HTTPError):
        httpx.put(parts[1]["url"], content=_breaks(), headers={"Content-Length": str(PART)}, trust_env=False, timeout=5)

    # Another page, which knows nothing, asks what there is to go on with
    (found,) = world.get("acme", "/api/multipart")["uploads"]
    assert (found["upload"], found["name"], found["part_bytes"]) == (begun["upload"], "large.tif", PART)
    state = world.get("acme", path)
    assert [(part["number"], part["bytes"]) for part in state["parts"]] == [(1, PART), (3, PART)]
    early = world.ask("acme", "POST", f"{path}/complete", json={"bytes": len(body)})
    assert (early.status_code, early.json()["code"]) == (409, "upload_incomplete")
    assert "2 parts are missing or of another size: 2, 4." in early.json()["detail"]
    for part in world.post("acme", f"{path}/parts", {"bytes": len(body), "numbers": [2, 4]})["parts"]:
        assert put(part, body) == 200
    for _ in range(2):  # the first answer may have been lost
        assert world.post("acme", f"{path}/complete", {"bytes": len(body)}) == {"upload": begun["upload"]}
    key = f"incoming/acme/web/{begun['upload']}/large.tif"
    stored = world.s3.get_object(Bucket=world.bucket, Key=key)
    assert stored["Body"].read() == body
    assert stored["ContentType"] == "image/tiff"
    assert world.get("acme", "/api/multipart")["uploads"] == []


def _breaks() -> Iterator[bytes]:
    yield b"\2" * 1000
    raise httpx.WriteError("The connection is gone.")


def test_an_upload_that_has_ended_already_is_complete_and_one_that_never_was_is_not_found(world: WebWorld) -> None:
    made = world.image(committed_at=world.web.uploading.now() - timedelta(days=1))
    upload = made.source.object.key.split("/")[3]
    assert world.post("acme", f"/api/multipart/web/{upload}/complete", {"bytes": 7}) == {"upload": upload}
    for customer, path in (("globex", f"web/{upload}"), ("acme", f"thumbnail/{upload}"), ("acme", "web/none")):
        answer = world.ask(customer, "POST", f"/api/multipart/{path}/complete", json={"bytes": 7})
        assert answer.status_code == 404


def test_a_part_that_the_file_does_not_have_is_refused_and_an_aborted_upload_is_gone(world: WebWorld) -> None:
    begun = world.post("acme", "/api/multipart", {"pipeline": "web", "name": "a.jpg", "bytes": PART + 1}, 201)
    path = f"/api/multipart/web/{begun['upload']}"
    beyond = world.ask("acme", "POST", f"{path}/parts", json={"bytes": PART + 1, "numbers": [1, 3]})
    assert beyond.status_code == 400
    assert beyond.json()["detail"] == "numbers: a file of 8,388,609 bytes has 2 parts, and no part 3."
    assert world.ask("acme", "DELETE", path).status_code == 204
    assert world.ask("acme", "DELETE", path).status_code == 404
    assert world.ask("acme", "GET", path).status_code == 404


# The gallery


def test_images_come_page_by_page_the_latest_first_and_none_twice(world: WebWorld) -> None:
    times = [0, 1, 1, 1, 2, 3, 3]
    made = [world.image(committed_at=NOW + timedelta(seconds=at, microseconds=at)) for at in times]
    expected = sorted(made, key=lambda item: (item.committed_at, item.image_id), reverse=True)
    found: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = world.get("acme", "/api/images", limit=2, **cursor)
        found += page["images"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert [item["image_id"] for item in found] == [item.image_id for item in expected]


def test_a_cursor_is_good_for_its_own_question_alone(world: WebWorld) -> None:
    for _ in range(2):
        world.image()
    cursor = world.get("acme", "/api/images", limit=1, status="processed")["next"]
    assert len(world.get("acme", "/api/images", limit=5, status="processed", cursor=cursor)["images"]) == 1
    for wrong in ({"status": "failed", "cursor": cursor}, {"cursor": cursor}, {"cursor": cursor[:-4]}, {"cursor": "é"}):
        answer = world.ask("acme", "GET", "/api/images", params=wrong)
        assert answer.status_code == 400, wrong
        assert answer.json()["detail"].startswith("cursor: ")


def test_images_are_found_by_status_format_pipeline_name_time_and_upload(world: WebWorld) -> None:
    from msgspec.structs import replace

    from tests.values import result

    header = result().header
    assert header
    dawn = world.image(name="Dawn 100%.JPG", committed_at=NOW)
    dusk = world.image(
        name="dusk_1.png",
        committed_at=NOW + timedelta(hours=1),
        pipeline="thumbnail",
        header=replace(header, format="png"),
    )
    broken = world.image(
        name="broken", committed_at=NOW + timedelta(hours=2), status=Status.FAILED, code=Code.CORRUPT_IMAGE,
        message="It cannot be decoded.", header=None, renditions=(),
    )  # fmt: skip
    world.image("globex", "dawn.jpg", committed_at=NOW)

    def found(**query: Any) -> set[str]:
        return {item["image_id"] for item in world.get("acme", "/api/images", **query)["images"]}

    assert found() == {dawn.image_id, dusk.image_id, broken.image_id}
    assert found(status="failed") == {broken.image_id}
    assert found(status="processed") == {dawn.image_id, dusk.image_id}
    assert found(format="png") == {dusk.image_id}
    assert found(pipeline="thumbnail") == {dusk.image_id}
    assert found(text="dawn") == found(text="0%") == {dawn.image_id}
    assert found(text="k_1") == {dusk.image_id}
    assert found(text="_") == {dusk.image_id}
    assert found(text="\\") == set()
    assert found(since=(NOW + timedelta(hours=1)).isoformat()) == {dusk.image_id, broken.image_id}
    assert found(until=(NOW + timedelta(hours=1)).isoformat()) == {dawn.image_id}
    uploads = [item.source.object.key.split("/")[3] for item in (dawn, broken)]
    assert found(upload=",".join(uploads)) == {dawn.image_id, broken.image_id}
    assert found(upload=uploads[0], status="failed") == set()


def test_an_image_shows_its_smallest_picture_its_source_and_what_it_was_expected_to_take(world: WebWorld) -> None:
    estimate = Estimate(
        cpu_seconds=1, cpu_seconds_upper=2, parallel=0.5, peak_bytes=3, peak_bytes_upper=4, basis="Words."
    )
    made = world.image(reason="It fits.", estimate=estimate, measurements={"sharpness": 41.5})
    detail = world.get("acme", f"/api/images/{made.image_id}")
    assert detail["image"]["reason"] == "It fits."
    assert detail["image"]["upload"] == made.source.object.key.split("/")[3]
    assert detail["image"]["thumbnail"]["width"] == 40
    assert detail["image"]["bytes"] == 7
    assert detail["image"]["bytes_out"] == 5
    assert detail["estimate"]["cpu_seconds_upper"] == 2
    assert detail["estimate"]["basis"] == "Words."
    assert detail["measurements"] == {"sharpness": 41.5}
    before, picture = (
        httpx.get(detail["before"], trust_env=False),
        httpx.get(detail["renditions"][0]["url"], trust_env=False),
    )
    assert (before.content, before.headers["content-type"]) == (b"source", "image/jpeg")
    assert (picture.content, picture.headers["content-type"]) == (b"small", "image/jpeg")
    saved = httpx.get(detail["renditions"][0]["download_url"], trust_env=False)
    assert saved.headers["content-disposition"] == "attachment; filename*=UTF-8''a-small.jpg"


def test_what_failed_or_came_from_elsewhere_has_no_source_to_show_and_no_upload(world: WebWorld) -> None:
    failed = world.image(status=Status.FAILED, code=Code.CORRUPT_IMAGE, message="No.", renditions=())
    elsewhere = Source(object=ObjectRef(bucket="other", key="library/acme/a.jpg"), name="a.jpg", bytes=7, sha256="ab")
    referred = world.image(door=Door.REFERENCE, source=elsewhere, route=Route.BATCH)
    inline = ObjectRef(bucket=world.bucket, key=f"incoming/acme/web/inline-{uuid4()}/source", version="v")
    direct = world.image(door=Door.DIRECT, source=Source(object=inline, name="a.jpg", bytes=7, sha256="ab"))
    details = {made.image_id: world.get("acme", f"/api/images/{made.image_id}") for made in (failed, referred, direct)}
    assert details[failed.image_id]["before"] is None
    assert details[failed.image_id]["image"]["code"] == "corrupt_image"
    assert details[failed.image_id]["image"]["thumbnail"] is None
    assert details[referred.image_id]["before"] is None
    assert details[referred.image_id]["image"]["upload"] is None
    assert details[direct.image_id]["image"]["upload"] is None
    assert httpx.get(details[direct.image_id]["before"], trust_env=False).content == b"source"


def test_an_erased_image_is_gone_from_everywhere_once_the_recorder_has_seen_its_tombstone(world: WebWorld) -> None:
    made, other = world.image(), world.image()
    path = f"/api/images/{made.image_id}"
    for _ in range(2):  # again is the same
        answer = world.ask("acme", "DELETE", path)
        assert (answer.status_code, answer.json()["image_id"]) == (202, made.image_id)
    (key,) = world.objects("tombstones/")
    assert key == f"tombstones/acme/{made.image_id}.json"
    tombstone = json.loads(world.s3.get_object(Bucket=world.bucket, Key=key)["Body"].read())
    assert set(tombstone) == {"image_id", "customer", "requested_at"}
    Recording(store=S3Store(world.s3, world.bucket), ledger=world.ledger).record([key])
    assert world.ask("acme", "GET", path).status_code == 404
    assert world.ask("acme", "DELETE", path).status_code == 404
    assert [item["image_id"] for item in world.get("acme", "/api/images")["images"]] == [other.image_id]
    assert {key for key in world.objects("") if made.image_id in key} == {key, made.key}
    assert world.get("acme", "/api/numbers", since=NOW.isoformat())["total"]["images"] == 2  # it was worked on


def test_numbers_count_each_image_once_by_day_format_route_and_code(world: WebWorld) -> None:
    day = timedelta(days=1)
    world.image(committed_at=NOW)
    world.image(committed_at=NOW + day, route=Route.BATCH)
    world.image(
        committed_at=NOW + day, status=Status.FAILED, code=Code.CORRUPT_IMAGE, message="No.", header=None, renditions=()
    )
    world.image("globex", committed_at=NOW)
    world.image(committed_at=NOW + 5 * day)
    query = {"since": NOW.isoformat(), "until": (NOW + 2 * day).isoformat()}
    numbers = world.get("acme", "/api/numbers", **query)
    assert {name: numbers["total"][name] for name in ("images", "processed", "failed", "bytes_in", "bytes_out")} == {
        "images": 3, "processed": 2, "failed": 1, "bytes_in": 21, "bytes_out": 10,
    }  # fmt: skip
    assert [(item["day"], item["images"]) for item in numbers["days"]] == [("2026-11-01", 1), ("2026-11-02", 2)]
    assert {item["name"]: item["images"] for item in numbers["formats"]} == {"jpeg": 2, "other": 1}
    assert {item["name"]: item["images"] for item in numbers["routes"]} == {"lambda": 2, "batch": 1}
    assert {item["name"]: item["images"] for item in numbers["codes"]} == {"corrupt_image": 1}
    empty = world.get("globex", "/api/numbers", since="2020-01-01T00:00:00Z", until="2020-01-02T00:00:00Z")
    assert (empty["total"]["images"], empty["days"]) == (0, [])


# The rest


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
