"""Running a pipeline over one file."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from core.domain.errors import Code, ImageFailure
from core.domain.model import ImageHeader, RenditionFile
from core.imaging import codec
from core.imaging import header as probe
from core.imaging.operations.base import Operation
from core.imaging.operations.resize import Fit, Resize
from core.imaging.raster import Raster
from core.pipelines.definition import Pipeline, RenditionSpec
from core.pipelines.loader import load
from core.pipelines.scale_on_load import reduction_for
from core.worker.rendering.render import render
from tests.support.images.rasters import psnr, raster

TWO = """\
steps: [grayscale]
renditions:
  - {name: whole, outputs: [{format: png}]}
  - name: small
    steps: [resize: {width: 20}]
    outputs: [{format: jpeg}, {format: webp}]
"""


class Broken(Operation, frozen=True, tag="broken"):
    kind: str

    def apply(self, raster: Raster) -> Raster:
        if self.kind == "memory":
            raise MemoryError
        if self.kind == "opencv-memory":
            cv2.resize(raster.pixels, (2_000_000_000, 1_000_000))
        if self.kind == "opencv":
            cv2.cvtColor(np.zeros((1, 1, 7), np.uint8), cv2.COLOR_BGR2GRAY)
        raise ZeroDivisionError("a bug")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    pixels = cv2.GaussianBlur(raster(480, 640).pixels, (0, 0), 2)
    exif = Image.Exif()
    exif[274] = 8
    Image.fromarray(pixels).save(path, quality=92, exif=exif)
    return path


def run(path: Path, pipeline: Pipeline, calls: list[int] | None = None) -> tuple[RenditionFile, ...]:
    out = path.parent / "out"
    out.mkdir(exist_ok=True)
    rendered = render(
        path, probe.read_header(path), pipeline, out, lambda: calls.append(1) if calls is not None else None
    )
    return rendered.renditions


def test_all_renditions_are_written_from_one_decode(photo: Path) -> None:
    calls: list[int] = []
    files = run(photo, load(TWO, "two.yaml"), calls)
    assert [(file.name, Path(file.path).name, file.width, file.height) for file in files] == [
        ("whole", "whole.png", 480, 640),
        ("small", "small.jpg", 20, 27),
        ("small", "small.webp", 20, 27),
    ]
    for file in files:
        assert file.bytes == Path(file.path).stat().st_size
        assert Image.open(file.path).size == (file.width, file.height)
    assert Image.open(files[0].path).mode == "L"
    assert len(calls) >= 5


def test_the_deadline_ends_the_run_between_steps(photo: Path) -> None:
    def check() -> None:
        raise ImageFailure(Code.TIMED_OUT, "too late")

    with pytest.raises(ImageFailure, match="too late"):
        render(photo, probe.read_header(photo), load(TWO, "two.yaml"), photo.parent, check)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("bug", Code.OPERATION_FAILED),
        ("opencv", Code.OPERATION_FAILED),
        ("memory", Code.OUT_OF_MEMORY),
        ("opencv-memory", Code.OUT_OF_MEMORY),
    ],
)
def test_the_failure_of_an_operation_names_the_step(photo: Path, kind: str, code: Code) -> None:
    two = load(TWO, "two.yaml")
    spec = RenditionSpec(name="small", steps=(Resize(width=9), Broken(kind=kind)), outputs=two.renditions[0].outputs)
    with pytest.raises(ImageFailure) as failure:
        run(photo, Pipeline(name="x", renditions=(spec,)))
    assert failure.value.code == code
    assert "broken, number 2 of the steps of small" in failure.value.message


@pytest.mark.parametrize("fit", list(Fit))
def test_scale_on_load_makes_no_visible_difference(photo: Path, fit: Fit) -> None:
    step = Resize(width=60, height=61, fit=fit)
    pipeline = Pipeline(
        name="x", renditions=(RenditionSpec(name="a", steps=(step,), outputs=load(TWO, "t").renditions[0].outputs),)
    )
    header = probe.read_header(photo)
    assert reduction_for(header, pipeline) > 1
    (file,) = run(photo, pipeline)
    reduced = codec.decode(Path(file.path), probe.read_header(Path(file.path)))
    whole = step.apply(codec.decode(photo, header))
    assert psnr(reduced.pixels, whole.pixels) > 38


def test_only_pipelines_that_begin_with_a_strong_downscale_scale_on_load(photo: Path) -> None:
    header = probe.read_header(photo)
    small, whole = load(TWO, "t").renditions[1], load(TWO, "t").renditions[0]
    assert reduction_for(header, Pipeline(name="x", renditions=(small,))) == 8
    assert reduction_for(header, Pipeline(name="x", renditions=(small, whole))) == 1
    assert reduction_for(header, Pipeline(name="x", steps=load(TWO, "t").steps, renditions=(small,))) == 1
    assert reduction_for(header, Pipeline(name="x", steps=(Resize(width=120),), renditions=(small, whole))) == 2


def test_scale_on_load_leaves_a_measurement_the_pixels_that_it_reads() -> None:
    header = ImageHeader(format="jpeg", width=8000, height=6000, channels=3, depth=8)

    def reduction(*measurements: str) -> int:
        steps = "".join(f"\n  - {measurement}" for measurement in measurements)
        text = f"steps:{steps or ' []'}\nrenditions:\n  - name: a\n    steps: [resize: {{width: 300}}]\n"
        return reduction_for(header, load(text + "    outputs: [{format: jpeg}]\n", "a.yaml"))

    assert reduction() == 8
    assert reduction("perceptual-hash") == 8
    assert reduction("perceptual-hash", "sharpness") == 2


def test_measurements_of_a_photo_scaled_on_load_are_close_to_those_of_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    pixels = cv2.GaussianBlur(raster(3300, 4400).pixels, (0, 0), 3)
    Image.fromarray(pixels).save(path, quality=92)
    text = "steps: [perceptual-hash, sharpness]\nrenditions:\n  - name: a\n    steps: [resize: {width: 400}]\n"
    end = "    outputs: [{format: jpeg}]\n"
    reduced = load(text + end, "a.yaml")
    whole = load(text.replace("resize:", "flip, resize:") + end, "a.yaml")
    first, second = (
        render(path, probe.read_header(path), pipeline, tmp_path, lambda: None).measurements
        for pipeline in (reduced, whole)
    )
    bits = int(str(first["perceptual-hash"]), 16) ^ int(str(second["perceptual-hash"]), 16)
    assert bits.bit_count() <= 4
    assert first["sharpness"] == pytest.approx(second["sharpness"], rel=0.1)
