"""The company image of example/: FROM the local image, with a function, a requirement and a pipeline of its own."""

import json
from base64 import b64encode
from collections.abc import Callable

import cv2
import numpy as np

from tests.container.conftest import Start, World
from tests.container.engine import Image, Run

Images = Callable[[str], Image]
LINK = "https://acme.example/p/4711"
VERSIONS = {"link-code": "acme_pictures 1.0.0"}


def _photograph() -> bytes:
    coarse = np.random.default_rng(5).integers(0, 255, (12, 16, 3), dtype=np.uint8)
    encoded, body = cv2.imencode(".jpg", cv2.resize(coarse, (1600, 1200), interpolation=cv2.INTER_CUBIC))
    assert encoded
    return body.tobytes()


def _read_code(content: bytes) -> str:
    """The text of the QR code, which is read from the picture."""
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return str(cv2.QRCodeDetector().detectAndDecode(picture)[0])


def test_the_examples_operation_is_in_the_result_under_the_emulator(emulator: Start, world: World) -> None:
    with emulator("handler.process.handle", world.processing, target="example") as function:
        event = {"customer": "acme", "pipeline": "product", "image": b64encode(_photograph()).decode()}
        result = function.invoke(event)
    assert (result["status"], result["operations"]) == ("processed", VERSIONS), result
    (rendition,) = result["renditions"]
    stored = world.s3.get_object(Bucket=world.bucket, Key=rendition["key"])["Body"].read()
    assert _read_code(stored) == LINK


def test_the_same_image_is_the_batch_job_too(image: Images, world: World) -> None:
    key = "originals/acme/of-batch/photo.jpg"
    world.s3.put_object(Bucket=world.bucket, Key=key, Body=_photograph())
    request = {"customer": "acme", "pipeline": "product", "s3": f"s3://{world.bucket}/{key}"}
    done = image("example").run(Run(command=["batch", json.dumps(request)], environment=world.processing))
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["status"], result["route"], result["operations"]) == ("processed", "batch", VERSIONS)


def test_check_says_what_is_in_an_image(image: Images) -> None:
    done = image("example").run(Run(command=["check"]))
    assert (done.returncode, done.stderr) == (0, "")
    assert "pipelines product; operations link-code (acme_pictures 1.0.0)" in done.stdout
    plain = image("local").run(Run(command=["check"]))
    assert "pipelines archive, restore, thumbnail, web" in plain.stdout
    assert "operations" not in plain.stdout


def test_check_refuses_a_function_that_is_none_and_a_pipeline_that_wants_it_with_a_sentence(image: Images) -> None:
    done = image("example").run(Run(command=["check"], environment={"OPERATIONS": "acme_pictures.codes:qr"}))
    assert (done.returncode, done.stdout) == (1, "")
    message = "picture-perfect: invalid_settings: OPERATIONS is wrong: acme_pictures.codes:qr: there is no qr in acme_"
    assert done.stderr.startswith(message)
    done = image("example").run(Run(command=["check"], environment={"OPERATIONS": ""}))
    assert done.returncode == 1
    assert "there is no operation link-code" in done.stderr
