"""Uploads in the web API, in one piece and in parts, on moto's S3 and a real PostgreSQL."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.waiting import HANGS_AFTER
from tests.support.web.web_world import WebWorld

PART = 8 * 1024**2


def announce(world: WebWorld, *files: dict[str, Any], pipeline: str = "web") -> Any:
    return world.post("acme", "/api/uploads", {"pipeline": pipeline, "files": list(files)}, 201)


def send(form: dict[str, Any], body: bytes) -> int:
    return httpx.post(
        form["url"], data=form["fields"], files={"file": body}, trust_env=False, timeout=HANGS_AFTER
    ).status_code


NAMES = {
    "parent folders": ("../../../etc/passwd.jpg", "passwd.jpg"),
    "parent folders of Windows": ("..\\..\\boot.jpg", "boot.jpg"),
    "a folder": ("holiday/sea/a.jpg", "a.jpg"),
    "NUL": ("a\0b.jpg", "a_b.jpg"),
    "a right-to-left override": ("gpj.\u202eexe.jpg", "gpj._exe.jpg"),
    "emoji": ("🌅👩‍👩‍👧.jpg", "🌅👩_👩_👧.jpg"),
    "HTML": ("<img src=x onerror=alert(1)>.jpg", "<img src=x onerror=alert(1)>.jpg"),
    "quotes": ("\"'`;--.jpg", "\"'`;--.jpg"),
    "percent": ("%2e%2e%2f%00.jpg", "%2e%2e%2f%00.jpg"),
    "only dots": ("..", "image"),
    "nothing": ("", "image"),
    "a line break": ("a\r\nSet-Cookie: x.jpg", "a__Set-Cookie: x.jpg"),
    "right to left": ("صورة.jpg", "صورة.jpg"),
    "a variable of S3's forms": ("${filename}.jpg", "__filename}.jpg"),
    "a thousand characters": ("x" * 996 + ".jpg", "x" * 196 + ".jpg"),
    "a thousand emoji": ("🌅" * 1000 + ".jpg", "🌅" * 49 + ".jpg"),
}


@pytest.mark.parametrize(("name", "kept"), NAMES.values(), ids=NAMES)
def test_a_file_of_any_name_is_stored_under_its_customer_and_listed_as_text(
    world: WebWorld, name: str, kept: str
) -> None:
    (file,) = announce(world, {"name": name, "bytes": 5, "type": "image/jpeg"})["accepted"]
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
    assert (
        httpx.get(answer.json()["renditions"][0]["download_url"], trust_env=False, timeout=HANGS_AFTER).content
        == b"small"
    )


def test_refused_files_have_a_code_and_the_others_are_accepted(world: WebWorld) -> None:
    answer = announce(
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
def test_an_unknown_pipeline_is_refused_with_the_list_of_pipelines(
    world: WebWorld, path: str, body: dict[str, Any]
) -> None:
    answer = world.ask("acme", "POST", path, json=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "unknown_pipeline"
    assert problem["type"] == "/api/docs#unknown_pipeline"
    assert problem["title"] == "Bad Request"
    assert (
        problem["detail"] == "pipeline: there is no pipeline wbe; the pipelines are archive, restore, thumbnail, web."
    )
    assert problem["request_id"]


def test_the_listed_pipelines_are_those_of_process(world: WebWorld) -> None:
    from core.pipelines import SHIPPED_FOLDER
    from core.pipelines.loader import load_folder

    listed = {item["name"]: item for item in world.get("acme", "/api/pipelines")["pipelines"]}
    loaded = load_folder(SHIPPED_FOLDER)
    assert set(listed) == set(loaded)
    for name, pipeline in loaded.items():
        assert listed[name]["description"] == pipeline.description
        assert [item["name"] for item in listed[name]["renditions"]] == [item.name for item in pipeline.renditions]


def test_waiting_uploads_are_listed_page_by_page_without_inline_sources(
    world: WebWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.services.web.uploads._PAGE_SIZE", 4)
    for index in range(7):
        world.put(f"incoming/acme/web/u{index}/a.jpg", b"x", "image/jpeg")
    world.put(f"incoming/acme/web/inline-{uuid4()}/source", b"x", "image/jpeg")
    first = world.get("acme", "/api/uploads")
    second = world.get("acme", "/api/uploads", cursor=first["next"])
    assert second["next"] is None
    uploads = [item["upload"] for item in (*first["uploads"], *second["uploads"])]
    assert uploads == [f"u{index}" for index in range(7)]


def put(part: dict[str, Any], body: bytes) -> int:
    piece = body[part["offset"] : part["offset"] + part["bytes"]]
    return httpx.put(part["url"], content=piece, trust_env=False, timeout=HANGS_AFTER).status_code


def test_an_interrupted_upload_continues_with_the_missing_parts(world: WebWorld) -> None:
    body = b"".join(bytes([number]) * PART for number in range(1, 4)) + b"the rest"
    started = world.post("acme", "/api/multipart", {"pipeline": "web", "name": "large.tif", "bytes": len(body)}, 201)
    path = f"/api/multipart/web/{started['upload']}"
    request = {"bytes": len(body), "numbers": [1, 2, 3, 4]}
    parts = world.post("acme", f"{path}/parts", request)["parts"]
    assert [(part["offset"], part["bytes"]) for part in parts] == [
        (0, PART),
        (PART, PART),
        (2 * PART, PART),
        (3 * PART, 8),
    ]
    assert put(parts[0], body) == put(parts[2], body) == 200
    # The connection is lost in the middle of the second part, which S3 discards
    with pytest.raises(httpx.HTTPError):
        httpx.put(
            parts[1]["url"], content=_broken_body(), headers={"Content-Length": str(PART)}, trust_env=False, timeout=5
        )

    # Another page finds the unfinished upload and its parts
    (unfinished,) = world.get("acme", "/api/multipart")["uploads"]
    assert (unfinished["upload"], unfinished["name"], unfinished["part_bytes"]) == (
        started["upload"],
        "large.tif",
        PART,
    )
    state = world.get("acme", path)
    assert [(part["number"], part["bytes"]) for part in state["parts"]] == [(1, PART), (3, PART)]
    early = world.ask("acme", "POST", f"{path}/complete", json={"bytes": len(body)})
    assert (early.status_code, early.json()["code"]) == (409, "upload_incomplete")
    assert "2 parts are missing or have a wrong size: 2, 4." in early.json()["detail"]
    for part in world.post("acme", f"{path}/parts", {"bytes": len(body), "numbers": [2, 4]})["parts"]:
        assert put(part, body) == 200
    for _ in range(2):  # may be repeated: the first answer may have been lost
        assert world.post("acme", f"{path}/complete", {"bytes": len(body)}) == {"upload": started["upload"]}
    key = f"incoming/acme/web/{started['upload']}/large.tif"
    stored = world.s3.get_object(Bucket=world.bucket, Key=key)
    assert stored["Body"].read() == body
    assert stored["ContentType"] == "image/tiff"
    assert world.get("acme", "/api/multipart")["uploads"] == []


def _broken_body() -> Iterator[bytes]:
    yield b"\2" * 1000
    raise httpx.WriteError("The connection is gone.")


def test_completing_a_finished_upload_succeeds_and_an_unknown_one_is_not_found(world: WebWorld) -> None:
    made = world.image(committed_at=world.web.uploads.now() - timedelta(days=1))
    upload = made.source.object.key.split("/")[3]
    assert world.post("acme", f"/api/multipart/web/{upload}/complete", {"bytes": 7}) == {"upload": upload}
    for customer, path in (("globex", f"web/{upload}"), ("acme", f"thumbnail/{upload}"), ("acme", "web/none")):
        answer = world.ask(customer, "POST", f"/api/multipart/{path}/complete", json={"bytes": 7})
        assert answer.status_code == 404


def test_a_part_beyond_the_file_is_refused_and_an_aborted_upload_is_gone(world: WebWorld) -> None:
    started = world.post("acme", "/api/multipart", {"pipeline": "web", "name": "a.jpg", "bytes": PART + 1}, 201)
    path = f"/api/multipart/web/{started['upload']}"
    beyond = world.ask("acme", "POST", f"{path}/parts", json={"bytes": PART + 1, "numbers": [1, 3]})
    assert beyond.status_code == 400
    assert beyond.json()["detail"] == "numbers: a file of 8,388,609 bytes has 2 parts, and no part 3."
    assert world.ask("acme", "DELETE", path).status_code == 204
    assert world.ask("acme", "DELETE", path).status_code == 404
    assert world.ask("acme", "GET", path).status_code == 404
