"""Objects under `incoming/` whose key names no image: folders are ignored, others refused and counted once."""

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.domain import object_keys
from core.domain.model import Door
from core.ports.web import OpenUpload
from core.services.web.gallery import Gallery
from core.services.web.uploads import Uploads
from tests.support.aws.dispatch_world import Dispatch
from tests.support.fakes.ports import FakeStore
from tests.support.services import World, s3_event, send
from tests.support.values import NOW
from tests.unit.services.test_reconciler import reconciler
from tests.unit.services.web.test_uploads import Links, Multiparts

FOLDERS = ["incoming/", "incoming/acme/", "incoming/acme/web/", "incoming/acme/web/u/", "incoming/acme/web/u/more/"]
STRAYS = [
    "incoming/lost.jpg",
    "incoming/acme/lost.jpg",
    "incoming/acme/web/lost.jpg",
    "incoming/acme/web/",
    "incoming/acme//u/lost.jpg",
    "incoming/-/web/u/lost.jpg",
]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _answer(doors: SimpleNamespace, world: World, event: Any) -> list[Any]:
    images: list[Any] = send(doors, world, event)["images"]
    return images


@pytest.mark.parametrize("key", FOLDERS)
def test_a_folder_of_the_console_is_nothing_to_do(doors: SimpleNamespace, world: World, key: str) -> None:
    stored = world.store.put(key, b"")
    assert _answer(doors, world, s3_event(stored, size=0)) == []
    assert world.metrics.refused == []
    assert set(world.store.contents()) == {key}


@pytest.mark.parametrize("key", STRAYS)
def test_any_other_key_ends_once_is_kept_and_is_counted(doors: SimpleNamespace, world: World, key: str) -> None:
    stored = world.store.put(key, b"photo")
    for _ in range(3):
        (answer,) = _answer(doors, world, s3_event(stored))
        assert answer["status"] == "refused"
        assert answer["code"] in ("invalid_event", "invalid_request")
    assert world.store.contents("incoming/") == {key: b"photo"}
    ((document_key, body),) = world.store.contents("refused/").items()
    document = json.loads(body)
    assert document_key.startswith("refused/incoming/")
    assert (document["key"], document["version"], document["code"]) == (key, stored.version, answer["code"])
    assert world.metrics.refused == [(Door.UPLOAD, answer["code"])]


def test_the_others_of_a_notification_end_all_the_same(doors: SimpleNamespace, world: World) -> None:
    event = s3_event(world.store.put(STRAYS[0], b"photo"), world.store.put("incoming/acme/web/u/a.jpg", b"photo"))
    assert [image["status"] for image in _answer(doors, world, event)] == ["refused", "processed"]


def test_other_content_at_a_refused_key_is_refused_anew(doors: SimpleNamespace, world: World) -> None:
    for body in (b"one", b"other"):
        _answer(doors, world, s3_event(world.store.put(STRAYS[0], body)))
    assert len(world.store.contents("refused/")) == len(world.metrics.refused) == 2


@pytest.mark.parametrize(("key", "body"), [(key, b"") for key in FOLDERS] + [(key, b"photo") for key in STRAYS])
def test_no_round_of_the_reconciler_fails_on_such_a_key(tmp_path: Path, key: str, body: bytes) -> None:
    dispatch = Dispatch(tmp_path)
    dispatch.store.put(key, body)
    found = []
    for _ in range(3):
        dispatch.clock.wait(hours=13)
        report = reconciler(dispatch).reconcile()
        assert (report.failed, report.handed_over, report.failures) == (0, 0, {})
        found.append(report.refused)
    refusals = 1 if body else 0
    assert found == [refusals, 0, 0]
    assert dispatch.metrics.reconciled == [(0, 0, 0)] * 3
    assert len(dispatch.metrics.refused) == len(dispatch.store.contents("refused/")) == refusals
    assert dispatch.store.contents(object_keys.INCOMING) == {key: body}


@pytest.mark.parametrize("first", ["process", "reconciler"])
def test_whoever_finds_it_first_tells_the_log_and_nobody_after(
    doors: SimpleNamespace, tmp_path: Path, capfd: pytest.CaptureFixture[str], first: str
) -> None:
    dispatch = Dispatch(tmp_path)
    stored = dispatch.store.put(STRAYS[0], b"photo")
    dispatch.clock.wait(hours=13)

    def process() -> None:
        _answer(doors, dispatch.world, s3_event(stored))

    def reconcile() -> None:
        reconciler(dispatch).reconcile()

    for door in (process, reconcile, process) if first == "process" else (reconcile, process, reconcile):
        door()
    (line,) = (line for line in capfd.readouterr().err.splitlines() if "was refused" in line)
    assert STRAYS[0] in line
    assert "refused/incoming/" in line


def test_what_the_door_has_refused_the_reconciler_does_not_count_again(doors: SimpleNamespace, tmp_path: Path) -> None:
    dispatch = Dispatch(tmp_path)
    stored = dispatch.store.put(STRAYS[0], b"photo")
    _answer(doors, dispatch.world, s3_event(stored))
    dispatch.clock.wait(hours=13)
    assert reconciler(dispatch).reconcile(timedelta.max).refused == 0
    assert len(dispatch.metrics.refused) == 1


def test_the_lists_of_the_page_leave_it_out() -> None:
    store = FakeStore()
    for key in [*FOLDERS, "incoming/acme/web/u/photo.jpg"]:
        store.put(key, b"photo" if key.endswith("jpg") else b"")
    for key in STRAYS:
        store.put(key, b"photo")

    class Begun(Multiparts):
        def under(self, prefix: str) -> list[OpenUpload]:
            begun = ["incoming/acme/odd.jpg", "incoming/acme/web/u/", "incoming/acme/web/u/photo.jpg"]
            return [OpenUpload(key=key, upload_id="id", started_at=NOW) for key in begun if key.startswith(prefix)]

    uploads = Uploads(
        store=lambda: store, links=Links(), multiparts=Begun, rows=SimpleNamespace(), pipelines=lambda: {"web"}
    )
    page, more = uploads.waiting("acme", "")
    assert ([upload.name for upload in page.uploads], more) == (["photo.jpg"], "")
    assert [upload.name for upload in uploads.unfinished("acme").uploads] == ["photo.jpg"]
    assert uploads.state("acme", "web", "u").upload.name == "photo.jpg"


def test_a_row_of_such_a_key_is_an_image_without_an_upload() -> None:
    gallery = Gallery(rows=SimpleNamespace(), links=Links(), store=FakeStore, bucket="home")
    assert gallery._upload({"source": "s3://home/incoming/lost.jpg"}) is None
