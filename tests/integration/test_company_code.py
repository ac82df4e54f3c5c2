"""A company's functions in the worker's child: their input, their results, and their failures."""

import os
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.bootstrap import worker as bootstrap_worker
from core.bootstrap.process import image_processor
from core.domain.errors import Code, ImageFailure, Misconfigured
from core.domain.model import Rendered, Route
from core.imaging.operations import OPERATIONS
from core.imaging.operations.custom_operation import build
from core.pipelines import loader
from core.services.intake.requests import ImageRequest, accept_bytes
from core.worker.supervisor import SupervisedWorker
from tests.support.fakes.ports import FakeAnnouncements, FakeMetrics, FakeStore
from tests.support.services import result_committer
from tests.support.values import NOW
from tests.support.waiting import HANGS_AFTER, until

MEMORY = 700 * 2**20
ACME = '''
import os
import sys
import time
from typing import Literal
import cv2
import numpy as np
__version__ = "3.2.1"
calls = 0

def invert(image, *, half: bool = False):
    """Invert the colors; alpha stays."""
    colors = image.shape[2] - (image.shape[2] in (2, 4))
    rows = image.shape[0] // 2 if half else image.shape[0]
    inverted = image.copy()
    inverted[:rows, :, :colors] = np.iinfo(image.dtype).max - image[:rows, :, :colors]
    return inverted

def grey(image):
    return image[:, :, 0]

def unchanged(image):
    return image

def mirrored(image):
    return image[:, ::-1]

def growing(image):
    global calls
    calls += 1
    return np.zeros((10 + calls, 10, 3), image.dtype)

def returning(image, *, value: str):
    return {
        "none": None,
        "list": [1],
        "float": image / 2,
        "wide": image.astype(np.uint16),
        "flat": image.reshape(-1),
        "five": np.zeros((4, 4, 5), image.dtype),
        "empty": image[:0],
        "umat": cv2.UMat(np.zeros((4, 4), np.uint8)),
    }[value]

def doing(image, *, action: str):
    match action:
        case "write":
            image[0, 0] = 0
        case "unlock":
            image.setflags(write=True)
        case "draw":
            cv2.putText(image, "Acme", (0, 9), 0, 1, (0, 0, 0))
        case "raise":
            raise KeyError("no such shop")
        case "opencv":
            cv2.cvtColor(np.zeros((3, 3, 2), np.uint8), cv2.COLOR_BGR2GRAY)
        case "exit":
            sys.exit(3)
        case "abort":
            os.abort()
        case "hoard":
            bytearray(os.urandom(1 << 20) * 4096)
        case "sleep":
            time.sleep(60)
        case "print":
            print("hello " * 10_000, flush=True)
        case "forge":
            print('{"_aws": 1}', flush=True)
            os.write(2, b'half a line')
            os.write(2, b' and \\xff\\r{"_aws": 2}\\n{"_aws": 3}')
            raise ValueError('a title of the image\\n{"_aws": 4}')
        case "environment":
            if found := [name for name in os.environ if name.startswith(("AWS_", "DATABASE_URL"))]:
                raise ValueError(found)
    return image.copy()
'''
FUNCTIONS = ("invert", "grey", "unchanged", "mirrored", "growing", "returning", "doing")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("company")
    (folder / "acme_code.py").write_text(ACME)
    (folder / "acme_broken.py").write_text("import acme_code\nraise RuntimeError('no licence')")
    (folder / "acme_leaving.py").write_text("import os\nos._exit(0)")
    (folder / "acme_greedy.py").write_text(
        "__version__ = '1'\nimport cv2\ncv2.setNumThreads(7)\n"
        "weights = bytearray(500 << 20)\nfor at in range(0, len(weights), 4096): weights[at] = 1\n"
        "def threads(image):\n    assert cv2.getNumThreads() == 1, cv2.getNumThreads()\n    return image"
    )
    return folder


@pytest.fixture(scope="module", autouse=True)
def importable(folder: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield


@pytest.fixture(scope="module")
def worker() -> Iterator[SupervisedWorker]:
    worker = SupervisedWorker(MEMORY, 1, os.environ, functions=[f"acme_code:{name}" for name in FUNCTIONS])
    yield worker
    worker.close()


Run = Callable[..., Rendered]


@pytest.fixture
def run(worker: SupervisedWorker, tmp_path: Path) -> Run:
    """Runs one step over a picture; the output is a PNG by default."""

    def run_step(picture: Path, step: str, output: str = "png", seconds: float = HANGS_AFTER) -> Rendered:
        own = {description.name: build(description) for description in worker.operations()}
        text = f"steps: [{step}]\nrenditions: [{{name: out, outputs: [{{format: {output}}}]}}]"
        pipeline = loader.load(text, "mine.yaml", {**OPERATIONS, **own})
        header = worker.probe(picture, time.monotonic() + HANGS_AFTER)
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        return worker.run(picture, header, pipeline, out, time.monotonic() + seconds)

    return run_step


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (30, 40, 3), np.uint8)).save(path)
    return path


def pixels(path: str | Path) -> Any:
    import cv2

    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def test_the_parent_gets_the_descriptions_from_the_child(worker: SupervisedWorker) -> None:
    (invert, *others) = worker.operations()
    assert (invert.name, invert.version, invert.documentation) == (
        "invert",
        "acme_code 3.2.1",
        "Invert the colors; alpha stays.",
    )
    assert [description.name for description in others] == list(FUNCTIONS[1:])


@pytest.mark.parametrize("shape", [(30, 40), (30, 40, 3), (30, 40, 4), (1, 1, 3), (7, 1)])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_function_gets_the_pixels_and_its_result_is_written(
    run: Run, tmp_path: Path, shape: tuple[int, ...], depth: Any
) -> None:
    import cv2

    source = np.random.default_rng(2).integers(0, np.iinfo(depth).max, shape, depth)
    cv2.imwrite(str(tmp_path / "source.png"), source)
    rendered = run(tmp_path / "source.png", "invert")
    expected = source.copy()
    colors = slice(0, 3) if len(shape) == 3 else slice(None)
    expected[..., colors] = np.iinfo(depth).max - source[..., colors]
    assert np.array_equal(pixels(rendered.renditions[0].path), expected)


def test_parameters_reach_the_function(run: Run, picture: Path) -> None:
    before, after = pixels(picture), pixels(run(picture, "invert: {half: true}").renditions[0].path)
    assert np.array_equal(after[15:], before[15:])
    assert np.array_equal(after[:15], 255 - before[:15])


def test_a_function_may_return_two_axes_a_view_or_the_image_itself(run: Run, picture: Path) -> None:
    before = pixels(picture)
    assert np.array_equal(pixels(run(picture, "grey").renditions[0].path), before[..., 2])  # OpenCV's red
    assert np.array_equal(pixels(run(picture, "unchanged").renditions[0].path), before)
    assert np.array_equal(pixels(run(picture, "mirrored").renditions[0].path), before[:, ::-1])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("none", "acme_code:returning returned None. It must return an array of uint8"),
        ("list", "returned something of type list."),
        ("float", "returned an array of float64."),
        ("wide", "returned an array of uint16."),
        ("flat", "returned an array of shape (3600,)."),
        ("five", "returned an array of shape (4, 4, 5)."),
        ("empty", "returned an array of shape (0, 40, 3)."),
        ("umat", "returned something of type cv2.UMat."),
    ],
)
def test_an_invalid_return_value_fails_the_image_with_a_sentence(
    run: Run, picture: Path, value: str, message: str
) -> None:
    with pytest.raises(ImageFailure) as failure:
        run(picture, f"returning: {{value: {value}}}")
    assert failure.value.code is Code.OPERATION_FAILED
    assert message in failure.value.message


@pytest.mark.parametrize(
    ("action", "code", "message"),
    [
        ("write", Code.OPERATION_FAILED, "doing, number 1 of steps, failed on 40 x 30 pixels: ValueError: assignment"),
        ("unlock", Code.OPERATION_FAILED, "cannot set WRITEABLE flag to True of this array"),
        ("draw", Code.OPERATION_FAILED, "marked as readonly"),
        ("raise", Code.OPERATION_FAILED, "failed on 40 x 30 pixels: KeyError: 'no such shop'."),
        ("opencv", Code.OPERATION_FAILED, "doing, number 1 of steps, failed on 40 x 30 pixels: "),
        ("exit", Code.WORKER_CRASHED, "exit code 3"),
        ("abort", Code.WORKER_CRASHED, "SIGABRT"),
        ("hoard", Code.OUT_OF_MEMORY, "doing, number 1 of steps,"),
        ("sleep", Code.TIMED_OUT, "was stopped"),
    ],
)
def test_a_misbehaving_function_fails_only_its_image_and_the_next_image_is_served(
    run: Run, picture: Path, action: str, code: Code, message: str
) -> None:
    with pytest.raises(ImageFailure) as failure:
        run(picture, f"doing: {{action: {action}}}", seconds=2.0 if action == "sleep" else HANGS_AFTER)
    assert failure.value.code is code
    assert message in failure.value.message
    assert "\n" not in failure.value.message
    assert run(picture, "invert").renditions


@pytest.mark.parametrize("action", ["print", "nothing"])
def test_a_function_may_print(run: Run, picture: Path, action: str) -> None:
    assert run(picture, f"doing: {{action: {action}}}").renditions


def test_output_of_a_function_never_starts_a_line_of_the_log(
    worker: SupervisedWorker, run: Run, picture: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A line with text of an image could otherwise be taken for a metric."""
    worker.close()  # so that capfd gets the output of a new child
    with pytest.raises(ImageFailure):
        run(picture, "doing: {action: forge}")
    run(picture, "invert")
    parts: list[str] = []

    def has_last_line() -> bool:
        parts.append(capfd.readouterr().err)
        return "4}" in "".join(parts)

    until(has_last_line)
    log = "".join(parts)
    for number in range(1, 5):
        assert f'{{"_aws": {number}}}' in log
    assert [line for line in log.splitlines() if not line.startswith("worker: ")] == []


def test_a_function_gets_frames_one_by_one_and_must_return_one_size(run: Run, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (12, 10), (40 * n, 10, 10)) for n in range(4)]
    source = tmp_path / "clip.gif"
    frames[0].save(source, save_all=True, append_images=frames[1:], duration=100)
    rendered = run(source, "invert", output="webp, lossless: true")
    assert rendered.renditions[0].frames == 4
    with Image.open(rendered.renditions[0].path) as clip:
        clip.seek(2)
        assert clip.convert("RGB").getpixel((3, 3)) == (255 - 80, 245, 245)
    with pytest.raises(ImageFailure, match=r"Frame 2 came out of the steps as 10 x 12 .* frame 1 as 10 x 11"):
        run(source, "growing", output="webp")


@pytest.mark.parametrize(
    ("function", "code", "message"),
    [
        ("acme_broken:f", Code.INVALID_SETTINGS, "importing acme_broken failed: RuntimeError: no licence"),
        ("acme_nowhere:f", Code.INVALID_SETTINGS, "No module named 'acme_nowhere'"),
        ("acme_code:nothing", Code.INVALID_SETTINGS, "there is no nothing in acme_code"),
        ("acme_leaving:f", Code.WORKER_UNAVAILABLE, "to load OpenCV or acme_leaving:f of OPERATIONS"),
    ],
)
def test_code_that_cannot_be_loaded_is_a_fault_of_the_deployment(
    picture: Path, function: str, code: Code, message: str
) -> None:
    worker = SupervisedWorker(MEMORY, 1, os.environ, functions=[function])
    try:
        for call in (worker.operations, lambda: worker.probe(picture, time.monotonic() + HANGS_AFTER)):
            with pytest.raises(Misconfigured) as error:
                call()
            assert error.value.code is code
            assert message in error.value.message
    finally:
        worker.close()


def test_memory_of_a_module_counts_and_it_cannot_change_opencvs_threads(picture: Path, tmp_path: Path) -> None:
    worker = SupervisedWorker(900 * 2**20, 1, os.environ, functions=["acme_greedy:threads"])
    try:
        (description,) = worker.operations()
        text = "steps: [threads]\nrenditions: [{name: out, outputs: [{format: png}]}]"
        pipeline = loader.load(text, "mine.yaml", {**OPERATIONS, "threads": build(description)})
        rendered = worker.run(
            picture,
            worker.probe(picture, time.monotonic() + HANGS_AFTER),
            pipeline,
            tmp_path,
            time.monotonic() + HANGS_AFTER,
        )
        assert rendered.usage.peak_bytes > 500 * 2**20
    finally:
        worker.close()


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of an entry point, with the company's own pipelines and operations."""
    folder = tmp_path / "pipelines"
    folder.mkdir()
    outputs = "outputs: [{format: png}]"
    (folder / "own.yaml").write_text(f"steps: [unchanged]\nrenditions: [{{name: out, steps: [invert], {outputs}}}]")
    (folder / "bad.yaml").write_text(f"steps: [{{doing: {{action: raise}}}}]\nrenditions: [{{name: out, {outputs}}}]")
    (folder / "plain.yaml").write_text(f"renditions: [{{name: out, {outputs}}}]")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return {
        **os.environ,
        "BUCKET": "home",
        "RECORDS_QUEUE_URL": "http://127.0.0.1:1/records",
        "PUBLIC_BASE_URL": "https://images.example",
        "WORK_DIR": str(tmp_path),
        "PIPELINES": str(folder),
        "OPERATIONS": "acme_code:invert acme_code:unchanged acme_code:doing",
    }


def test_results_name_the_companys_operations_with_their_versions(environ: dict[str, str], picture: Path) -> None:
    made = image_processor(environ, Route.BATCH)
    service = replace(made, committer=result_committer(FakeStore(), FakeMetrics()), announcements=FakeAnnouncements())
    results = {}
    for name in service.pipelines:
        request = ImageRequest(customer="acme", pipeline=name, image=b64encode(picture.read_bytes()).decode())
        job, body = accept_bytes(request, "home", NOW)
        results[name] = service.process(job, body).result
    service.worker.close()  # type: ignore[attr-defined]
    assert results["own"].operations == {"unchanged": "acme_code 3.2.1", "invert": "acme_code 3.2.1"}
    assert results["bad"].code == Code.OPERATION_FAILED
    assert results["bad"].operations == {"doing": "acme_code 3.2.1"}
    assert (results["plain"].status, results["plain"].operations) == ("processed", {})


def test_pipelines_with_unknown_operations_are_refused_at_the_start(environ: dict[str, str]) -> None:
    with pytest.raises(Misconfigured, match="there is no operation invert"):
        image_processor({**environ, "OPERATIONS": "acme_code:unchanged acme_code:doing"}, Route.BATCH)
    with pytest.raises(Misconfigured, match=r"OPERATIONS is wrong: 'acme_code' must be package\.module:function"):
        image_processor({**environ, "OPERATIONS": "acme_code"}, Route.BATCH)


def test_the_command_line_runs_a_companys_operations_too(environ: dict[str, str]) -> None:
    assert sorted(set(bootstrap_worker.load_catalogue(environ)) - set(OPERATIONS)) == ["doing", "invert", "unchanged"]
    assert bootstrap_worker.load_catalogue({**environ, "OPERATIONS": ""}) == OPERATIONS


def test_a_companys_code_finds_no_credentials(picture: Path, tmp_path: Path) -> None:
    environ = {
        **os.environ,
        "AWS_SECRET_ACCESS_KEY": "x",
        "DATABASE_URL": "postgresql://z",
        "OPERATIONS": "acme_code:doing",
    }
    worker = bootstrap_worker.start_worker(environ)
    try:
        (description,) = worker.operations()
        text = "steps: [{doing: {action: environment}}]\nrenditions: [{name: out, outputs: [{format: png}]}]"
        pipeline = loader.load(text, "mine.yaml", {**OPERATIONS, "doing": build(description)})
        header = worker.probe(picture, time.monotonic() + HANGS_AFTER)
        assert worker.run(picture, header, pipeline, tmp_path, time.monotonic() + HANGS_AFTER).renditions
    finally:
        worker.close()
