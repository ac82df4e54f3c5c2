"""The image processes the events that AWS sends, and objects and rows exist afterwards."""

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import cv2
import numpy as np
import pytest

from core.domain.object_keys import RESULTS
from tests.container.conftest import Emulator, Start, World
from tests.container.engine import Image, Run
from tests.container.runtime_api import RuntimeApi

EX_DATAERR, EX_CONFIG = 65, 78


@pytest.fixture
def photograph() -> bytes:
    """A JPEG that no other test has sent."""
    seed = np.random.default_rng(uuid4().int % 2**32)
    coarse = seed.integers(0, 255, (12, 16, 3), dtype=np.uint8)
    encoded, body = cv2.imencode(".jpg", cv2.resize(coarse, (1600, 1200), interpolation=cv2.INTER_CUBIC))
    assert encoded
    return body.tobytes()


def _direct(photograph: bytes, **more: str) -> dict[str, str]:
    return {"customer": "acme", "pipeline": "thumbnail", "image": b64encode(photograph).decode(), **more}


def _check_renditions(world: World, result: dict[str, Any]) -> None:
    assert result["renditions"]
    for rendition in result["renditions"]:
        content = world.s3.get_object(Bucket=world.bucket, Key=rendition["key"])["Body"].read()
        assert len(content) == rendition["bytes"]
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape[:2] == (rendition["height"], rendition["width"])


def _manifest(world: World, image_id: str) -> dict[str, Any]:
    (key,) = world.keys(f"{RESULTS}{image_id}/")
    manifest: dict[str, Any] = json.loads(world.s3.get_object(Bucket=world.bucket, Key=key)["Body"].read())
    return manifest


def test_an_uploaded_image_leaves_objects_and_rows(
    world: World, process: Emulator, record: Emulator, photograph: bytes
) -> None:
    world.drop_notifications("results/")
    upload = str(uuid4())
    key = f"incoming/acme/thumbnail/{upload}/Sommer in Köln + 100%.jpg"
    world.s3.put_object(Bucket=world.bucket, Key=key, Body=photograph)
    (notification,) = [message for message in world.notifications("incoming/") if upload in message["body"]]

    (answer,) = process.invoke(json.loads(notification["body"]))["images"]

    assert (answer["status"], answer["duplicate"]) == ("processed", False)
    commits = [message for message in world.notifications("results/") if answer["image_id"] in message["body"]]
    assert record.invoke({"Records": commits}) == {"batchItemFailures": []}
    rows = world.rows("SELECT status, door, route FROM images WHERE image_id = %s", answer["image_id"])
    assert rows == [("processed", "upload", "lambda")]
    stored = world.rows("SELECT key, bytes FROM renditions WHERE image_id = %s", answer["image_id"])
    assert stored
    for rendition, size in stored:
        assert world.s3.head_object(Bucket=world.bucket, Key=rendition)["ContentLength"] == size
    assert world.keys(key) == []
    assert len(world.keys(f"originals/acme/{answer['image_id']}/")) == 1


def test_two_direct_invokes_one_after_another_are_one_image(world: World, process: Emulator, photograph: bytes) -> None:
    first, second = process.invoke(_direct(photograph)), process.invoke(_direct(photograph))
    assert (first["status"], first["duplicate"], second["duplicate"]) == ("processed", False, True)
    assert first["image_id"] == second["image_id"]
    _check_renditions(world, first)


def test_a_broken_image_ends_failed_and_the_next_one_is_served(
    world: World, process: Emulator, photograph: bytes
) -> None:
    broken = process.invoke(_direct(b"\xff\xd8\xff not really " + uuid4().bytes))
    assert (broken["status"], bool(broken["code"])) == ("failed", True)
    assert process.invoke(_direct(photograph))["status"] == "processed"


def test_an_unknown_event_is_refused_with_a_sentence(process: Emulator) -> None:
    answer = process.invoke({"hello": "world"})
    assert answer["errorType"] == "Refusal"
    assert "neither a notification of S3" in answer["errorMessage"]


def test_any_user_may_run_the_function(emulator: Start, world: World, photograph: bytes) -> None:
    """Lambda runs the function as a user of its choice, without a home folder."""
    environment = {**world.processing, "HOME": "/nonexistent"}
    with emulator("handler.process.handle", environment, user="54321:54321") as function:
        assert function.invoke(_direct(photograph))["status"] == "processed"


def test_the_runtime_image_answers_lambdas_own_interface(
    image: Callable[[str], Image], world: World, photograph: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with RuntimeApi() as api:
        run = Run(environment={**world.processing, **api.environment})
        with image("runtime").started(run, tmp_path_factory.mktemp("runtime") / "log"):
            answers = [api.invoke(_direct(photograph)), api.invoke(_direct(photograph))]
    assert [answer["duplicate"] for answer in answers] == [False, True]
    _check_renditions(world, answers[0])


def test_batch_runs_one_job_and_exits_0(
    image: Callable[[str], Image], world: World, record: Emulator, photograph: bytes
) -> None:
    key = f"library/acme/{uuid4()}.jpg"
    world.s3.put_object(Bucket=world.bucket, Key=key, Body=photograph)
    world.drop_notifications("results/")
    request = {"customer": "acme", "pipeline": "thumbnail", "s3": f"s3://{world.bucket}/{key}"}

    done = image("runtime").run(Run(command=["batch", json.dumps(request)], environment=world.processing))

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["status"], result["route"]) == ("processed", "batch")
    _check_renditions(world, result)
    assert _manifest(world, result["image_id"])["route"] == "batch"
    assert record.invoke({"Records": world.notifications("results/")}) == {"batchItemFailures": []}
    assert world.rows("SELECT route FROM images WHERE image_id = %s", result["image_id"]) == [("batch",)]


@pytest.mark.parametrize(
    "request_",
    ["{", json.dumps({"customer": "acme"}), json.dumps({"customer": "acme", "pipeline": "web", "s3": "s3://other/x"})],
)
def test_batch_refuses_a_wrong_request_with_65(image: Callable[[str], Image], world: World, request_: str) -> None:
    done = image("runtime").run(Run(command=["batch", request_], environment=world.processing))
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (EX_DATAERR, 1)


def test_batch_without_settings_names_them_and_exits_78(image: Callable[[str], Image]) -> None:
    request = {"customer": "acme", "pipeline": "thumbnail", "s3": "s3://pictures/incoming/acme/thumbnail/1/a.jpg"}
    done = image("runtime").run(Run(command=["batch", json.dumps(request)]))
    assert done.returncode == EX_CONFIG
    assert all(name in done.stderr for name in ("BUCKET", "RECORDS_QUEUE_URL", "PUBLIC_BASE_URL"))
