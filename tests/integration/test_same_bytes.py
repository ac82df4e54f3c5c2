"""Promise 3, both routes agree: the same bytes in Lambda and in Batch, at any number of threads.

`python -m benchmarks.same_bytes` does the same with larger pictures.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import cv2
import pytest

from benchmarks import pixel_cases
from benchmarks.pixel_cases import Case, Part
from benchmarks.same_bytes import THREADS, digests_by_threads
from core.bootstrap.process import image_processor
from core.domain.model import Door, ImageJob, ObjectRef, Result, Route
from core.imaging.operations import OPERATIONS
from core.pipelines import SHIPPED_FOLDER
from core.pipelines.loader import load_folder
from localcloud import clients
from pictureperfect.calibration import synthetic_images
from pictureperfect.calibration.synthetic_images import Content
from tests.support.values import NOW

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

pytestmark = pytest.mark.long

#: (width, height) in pixels of a photograph that may be scaled on load, alpha, 16 bits, and an animation. `restore`
#: gets a third of both, since it takes seconds per megapixel.
PICTURES = {
    "jpeg": (1001, 667),
    "png alpha": (481, 321),
    "png deep": (481, 321),
    "gif animated": (241, 161),
}
#: MEMORY_MB of the function and of a Batch job.
MEMORY_MB = {Route.LAMBDA: 1769, Route.BATCH: 8192}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cases")
    pixel_cases.prepare(folder, 331, 221)
    return folder


@pytest.fixture(scope="module")
def cases(folder: Path) -> dict[tuple[Part, str], list[Case]]:
    by_name: dict[tuple[Part, str], list[Case]] = {}
    for case in pixel_cases.cases(folder):
        by_name.setdefault((case.part, case.name), []).append(case)
    return by_name


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Restore the number of OpenCV's threads, which is global in the process."""
    before = cv2.getNumThreads()
    yield
    cv2.setNumThreads(before)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_gives_the_same_pixels_at_any_number_of_threads(
    name: str, cases: dict[tuple[Part, str], list[Case]]
) -> None:
    for case in cases[Part.OPERATION, name]:
        assert len(set(digests_by_threads(case).values())) == 1, case.on


@pytest.mark.parametrize("part", [Part.DECODER, Part.ENCODER])
def test_a_codec_gives_the_same_pixels_and_bytes_at_any_number_of_threads(
    part: Part, cases: dict[tuple[Part, str], list[Case]]
) -> None:
    for (case_part, name), named_cases in cases.items():
        for case in named_cases if case_part is part else ():
            assert len(set(digests_by_threads(case).values())) == 1, (name, case.on)


def test_every_pipeline_gives_the_same_bytes_on_both_routes_at_any_number_of_threads(
    cloud: str, s3: "S3Client", sqs: "SQSClient", bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {
        **clients.environment(cloud),
        "BUCKET": bucket,
        "RECORDS_QUEUE_URL": sqs.create_queue(QueueName=f"records-{uuid4()}")["QueueUrl"],
        "PUBLIC_BASE_URL": "https://images.example",
        "WORK_DIR": str(tmp_path),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for pipeline in load_folder(SHIPPED_FOLDER):
        for kind in PICTURES:
            upload(s3, bucket, pipeline, kind, tmp_path)

    results = {
        (route, threads): process_all(route, {**environment, "THREADS": str(threads)})
        for route in (Route.LAMBDA, Route.BATCH)
        for threads in THREADS
    }

    first = results[Route.LAMBDA, 1]
    assert len(first) == len(PICTURES) * len(load_folder(SHIPPED_FOLDER))
    for (route, threads), result in results.items():
        assert result == first, f"{route}, {threads} threads"


def upload(s3: "S3Client", bucket: str, pipeline: str, kind: str, folder: Path) -> None:
    width, height = (side // 3 if pipeline == "restore" else side for side in PICTURES[kind])
    source = folder / "source"
    synthetic_images.write(kind, Content.PHOTO, width, height, 7, source)
    s3.put_object(Bucket=bucket, Key=f"incoming/acme/{pipeline}/u/{kind}", Body=source.read_bytes())
    source.unlink()


def process_all(route: Route, environment: dict[str, str]) -> dict[tuple[str, str], Any]:
    """(pipeline, picture) → digests of the files by name and format, and the measurements."""
    service = image_processor({**environment, "MEMORY_MB": str(MEMORY_MB[route])}, route)
    results = {}
    try:
        for pipeline in service.pipelines:
            for kind in PICTURES:
                result = service.process(job(environment["BUCKET"], pipeline, kind)).result
                assert (result.status, result.route, result.message) == ("processed", route, None)
                results[pipeline, kind] = digests(result)
    finally:
        service.worker.close()  # type: ignore[attr-defined]
    return results


def job(bucket: str, pipeline: str, kind: str) -> ImageJob:
    return ImageJob(
        image_id=str(uuid4()),
        customer="acme",
        pipeline=pipeline,
        door=Door.DIRECT,
        name=kind,
        source=ObjectRef(bucket=bucket, key=f"incoming/acme/{pipeline}/u/{kind}"),
        received_at=NOW,
    )


def digests(result: Result) -> Any:
    return {(file.name, file.format): file.sha256 for file in result.renditions}, result.measurements
