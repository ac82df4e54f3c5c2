"""Images, erasure and statistics in the web API, on moto's S3 and a real PostgreSQL."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx

from core.adapters.aws.s3 import S3Store
from core.domain.errors import Code
from core.domain.model import Door, Estimate, ObjectRef, Route, Source, Status
from core.services.recorder import Recorder
from tests.support.values import NOW
from tests.support.waiting import HANGS_AFTER
from tests.support.web.web_world import WebWorld


def test_images_are_listed_page_by_page_latest_first_and_once(world: WebWorld) -> None:
    times = [0, 1, 1, 1, 2, 3, 3]
    made = [world.image(committed_at=NOW + timedelta(seconds=at, microseconds=at)) for at in times]
    expected = sorted(made, key=lambda item: (item.committed_at, item.image_id), reverse=True)
    listed: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = world.get("acme", "/api/images", limit=2, **cursor)
        listed += page["images"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert [item["image_id"] for item in listed] == [item.image_id for item in expected]


def test_a_cursor_is_valid_for_its_own_query_only(world: WebWorld) -> None:
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

    from tests.support.values import result

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

    def image_ids(**query: Any) -> set[str]:
        return {item["image_id"] for item in world.get("acme", "/api/images", **query)["images"]}

    assert image_ids() == {dawn.image_id, dusk.image_id, broken.image_id}
    assert image_ids(status="failed") == {broken.image_id}
    assert image_ids(status="processed") == {dawn.image_id, dusk.image_id}
    assert image_ids(format="png") == {dusk.image_id}
    assert image_ids(pipeline="thumbnail") == {dusk.image_id}
    assert image_ids(text="dawn") == image_ids(text="0%") == {dawn.image_id}
    assert image_ids(text="k_1") == {dusk.image_id}
    assert image_ids(text="_") == {dusk.image_id}
    assert image_ids(text="\\") == set()
    assert image_ids(since=(NOW + timedelta(hours=1)).isoformat()) == {dusk.image_id, broken.image_id}
    assert image_ids(until=(NOW + timedelta(hours=1)).isoformat()) == {dawn.image_id}
    uploads = [item.source.object.key.split("/")[3] for item in (dawn, broken)]
    assert image_ids(upload=",".join(uploads)) == {dawn.image_id, broken.image_id}
    assert image_ids(upload=uploads[0], status="failed") == set()


def test_a_name_is_found_in_both_unicode_forms_of_its_accents(world: WebWorld) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"  # as typed; as macOS names files
    made = {world.image(name=f"{text.upper()}.jpg").image_id for text in (composed, decomposed)}
    for text in (composed, decomposed):
        assert {item["image_id"] for item in world.get("acme", "/api/images", text=text)["images"]} == made
    assert world.get("acme", "/api/images", text="cafes")["images"] == []


def test_an_image_with_an_invalid_key_does_not_hide_the_others(world: WebWorld) -> None:
    from msgspec.structs import replace

    source = Source(object=ObjectRef(bucket=world.bucket, key="incoming/acme/lost.jpg"), name="lost.jpg", bytes=1)
    odd, other = world.image(source=replace(source, sha256="ab")), world.image()
    uploads = {item["image_id"]: item["upload"] for item in world.get("acme", "/api/images")["images"]}
    assert set(uploads) == {odd.image_id, other.image_id}
    assert uploads[odd.image_id] is None
    assert world.ask("acme", "GET", f"/api/images/{odd.image_id}").status_code == 200


def test_an_image_has_its_thumbnail_its_source_and_its_estimate(world: WebWorld) -> None:
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
        httpx.get(detail["before"], trust_env=False, timeout=HANGS_AFTER),
        httpx.get(detail["renditions"][0]["url"], trust_env=False, timeout=HANGS_AFTER),
    )
    assert (before.content, before.headers["content-type"]) == (b"source", "image/jpeg")
    assert (picture.content, picture.headers["content-type"]) == (b"small", "image/jpeg")
    saved = httpx.get(detail["renditions"][0]["download_url"], trust_env=False, timeout=HANGS_AFTER)
    assert saved.headers["content-disposition"] == "attachment; filename*=UTF-8''a-small.jpg"


def test_failed_and_referenced_images_have_no_source_link_and_no_upload(world: WebWorld) -> None:
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
    assert httpx.get(details[direct.image_id]["before"], trust_env=False, timeout=HANGS_AFTER).content == b"source"


def test_an_erased_image_is_gone_after_the_recorder_has_read_its_tombstone(world: WebWorld) -> None:
    made, other = world.image(), world.image()
    path = f"/api/images/{made.image_id}"
    for _ in range(2):  # the request can be repeated
        answer = world.ask("acme", "DELETE", path)
        assert (answer.status_code, answer.json()["image_id"]) == (202, made.image_id)
    (key,) = world.objects("tombstones/")
    assert key == f"tombstones/acme/{made.image_id}.json"
    tombstone = json.loads(world.s3.get_object(Bucket=world.bucket, Key=key)["Body"].read())
    assert set(tombstone) == {"image_id", "customer", "requested_at"}
    Recorder(store=S3Store(world.s3, world.bucket), ledger=world.ledger).record([key])
    assert world.ask("acme", "GET", path).status_code == 404
    assert world.ask("acme", "DELETE", path).status_code == 404
    assert [item["image_id"] for item in world.get("acme", "/api/images")["images"]] == [other.image_id]
    assert {key for key in world.objects("") if made.image_id in key} == {key, made.key}
    assert world.get("acme", "/api/numbers", since=NOW.isoformat())["total"]["images"] == 2  # erased images still count


def test_statistics_count_each_image_once_by_day_format_route_and_code(world: WebWorld) -> None:
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
