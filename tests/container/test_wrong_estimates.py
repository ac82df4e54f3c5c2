"""A function with a time-out of ten seconds and estimates ten times too low: the images end on Batch, once."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import cv2
import msgspec
import numpy as np
import pytest

from core.routing import cost_table
from core.routing.estimate import Cost
from localcloud import clients
from localcloud.s3_sqs_cloudwatch.cloudwatch_sums import sums
from tests.container.conftest import Emulator, Start, World
from tests.support.waiting import until

_IMAGES, _SECONDS, _TOO_LOW = 3, 10, 10
_PATIENCE = 900


def _table(folder: Path) -> None:
    """Write the shipped cost table with a tenth of its CPU seconds."""
    costs = cost_table.load("x86_64")
    kinds = {kind: _cheaper(cost) for kind, cost in costs.kinds.items()}
    (folder / "low.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(costs, kinds=kinds)))


def _cheaper(cost: Cost) -> Cost:
    first, second, third, fourth = (value / _TOO_LOW for value in cost.seconds)
    return msgspec.structs.replace(cost, seconds=(first, second, third, fourth))


def _photograph(seed: int) -> bytes:
    """A JPEG of fifteen megapixels: the pipeline `restore` takes twenty CPU seconds for it."""
    coarse = np.random.default_rng(seed).integers(0, 255, (34, 44, 3), dtype=np.uint8)
    encoded, body = cv2.imencode(".jpg", cv2.resize(coarse, (4400, 3400), interpolation=cv2.INTER_CUBIC))
    assert encoded
    return body.tobytes()


def _upload(world: World, function: Emulator, seed: int) -> dict[str, Any]:
    upload = str(uuid4())
    key = f"incoming/acme/restore/{upload}/{seed}.jpg"
    world.s3.put_object(Bucket=world.bucket, Key=key, Body=_photograph(seed))
    (notification,) = [message for message in world.notifications("incoming/") if upload in message["body"]]
    (answer,) = function.invoke(json.loads(notification["body"]))["images"]
    assert isinstance(answer, dict)
    return answer


def _processed_images(world: World) -> float:
    metrics = sums(clients.cloudwatch(world.address.endpoint), "PicturePerfect")
    return metrics.get("status=processed", {}).get("Images", 0.0)


@pytest.mark.timeout(_PATIENCE + 120)
def test_images_with_an_estimate_ten_times_too_low_end_on_batch_once(
    emulator: Start, world: World, tmp_path: Path
) -> None:
    _table(tmp_path)
    tmp_path.chmod(0o755)
    before = _processed_images(world)
    environment = {**world.processing, "COSTS": "/tables/low.json", "THREADS": "1"}
    with emulator("handler.process.handle", environment, {str(tmp_path): "/tables"}, seconds=_SECONDS) as function:
        answers = [_upload(world, function, seed) for seed in range(_IMAGES)]
        assert {answer["status"] for answer in answers} == {"handed_over"}
        assert "timed out" not in function.log
        assert '"Images"' not in function.log, "the function counts the hand-over and nothing else"
    prefixes = [f"results/{answer['image_id']}/" for answer in answers]
    until(lambda: all(map(world.keys, prefixes)), _PATIENCE)  # a minute of CPU, on a machine that may be busy
    for prefix, answer in zip(prefixes, answers, strict=True):
        (key,) = world.keys(prefix)
        manifest = json.loads(world.s3.get_object(Bucket=world.bucket, Key=key)["Body"].read())
        assert (manifest["status"], manifest["route"]) == ("processed", "batch")
        assert manifest["reason"] == answer["message"]
        assert "was stopped" in manifest["reason"]
    until(lambda: _processed_images(world) - before == _IMAGES)
