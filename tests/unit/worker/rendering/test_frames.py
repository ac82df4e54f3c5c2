"""Running a pipeline over animations and pages."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.domain.errors import Code, ImageFailure
from core.domain.model import ImageFormat, Rendered
from core.domain.outputs import Output
from core.imaging import codec
from core.imaging import header as probe
from core.imaging.operations.base import Measurement, Operation
from core.imaging.raster import Raster
from core.pipelines.definition import Pipeline, RenditionSpec
from core.pipelines.loader import load
from core.worker.rendering import render
from tests.support.images.clips import clip, read, same, saved, shown_by_pillow
from tests.support.images.rasters import raster

TIMES = [100, 30, 20, 250]
GIF, WEBP, PNG = (
    Output(format=ImageFormat.GIF),
    Output(format=ImageFormat.WEBP, lossless=True),
    Output(format=ImageFormat.PNG),
)


class Narrower(Operation, frozen=True, tag="narrower"):
    """Removes as many columns as the value of the first pixel, so that frames get different sizes."""

    def apply(self, raster: Raster) -> Raster:
        return Raster(np.ascontiguousarray(raster.pixels[:, : raster.width - int(raster.pixels[0, 0, 0])]))


class Corner(Measurement, frozen=True, tag="corner"):
    """The value of the first pixel."""

    def measure(self, raster: Raster) -> float:
        return float(raster.pixels[0, 0, 0])


def run(path: Path, pipeline: Pipeline | str, calls: list[int] | None = None) -> Rendered:
    out = path.parent / "out"
    out.mkdir(exist_ok=True)
    loaded = load(pipeline, "x.yaml") if isinstance(pipeline, str) else pipeline
    check = (lambda: calls.append(1)) if calls is not None else (lambda: None)
    rendered = render.render(path, probe.read_header(path), loaded, out, check)
    assert {Path(file.path) for file in rendered.renditions} == set(out.iterdir())
    for file in rendered.renditions:
        assert file.bytes == Path(file.path).stat().st_size
        with Image.open(file.path) as image:
            assert (image.size, getattr(image, "n_frames", 1)) == ((file.width, file.height), file.frames)
    return rendered


@pytest.fixture
def film(tmp_path: Path) -> Path:
    frames = clip(4, 40, 30)
    for at in range(4):
        frames[at][0, 0] = at
    return saved(frames, tmp_path / "film.gif", TIMES, plays=3)


def test_formats_that_hold_frames_get_all_and_others_the_first(film: Path) -> None:
    text = """\
renditions:
  - {name: a, outputs: [{format: gif}, {format: png}, {format: webp, lossless: true}]}
  - {name: b, steps: [flip], outputs: [{format: jpeg}]}
  - {name: c, steps: [resize: {width: 20}], outputs: [{format: webp}]}
"""
    files = run(film, text).renditions
    assert [(file.name, file.format.value, file.width, file.frames) for file in files] == [
        *(("a", "gif", 40, 4), ("a", "png", 40, 1), ("a", "webp", 40, 4)),
        *(("b", "jpeg", 40, 1), ("c", "webp", 20, 4)),
    ]
    whole, _ = shown_by_pillow(film)
    for file in (files[0], files[2]):
        rasters, times, plays = read(Path(file.path))
        assert (times, plays) == (TIMES, 3)
        assert all(same(found.pixels, frame) for found, frame in zip(rasters, whole, strict=True))
    assert same(np.asarray(Image.open(files[1].path).convert("RGBA")), whole[0])
    assert read(Path(files[4].path))[1] == TIMES


def test_steps_run_on_every_frame(film: Path) -> None:
    (file,) = run(
        film, "renditions: [{name: a, steps: [flip, rotate: {angle: 90}], outputs: [{format: gif}]}]"
    ).renditions
    for found, frame in zip(read(Path(file.path))[0], shown_by_pillow(film)[0], strict=True):
        assert same(found.pixels, np.ascontiguousarray(np.rot90(frame[:, ::-1], -1)))


def test_only_the_first_frame_is_decoded_if_no_output_keeps_more(film: Path) -> None:
    text = "renditions: [{name: a, outputs: [{format: gif}]}]"
    header = probe.read_header(film)
    all_frames, first = load(text, "x.yaml"), load("frames: first\n" + text, "x.yaml")
    still = load(text.replace("gif", "avif"), "x.yaml")
    assert [pipeline.frames_of(header) for pipeline in (all_frames, first, still)] == [4, 1, 1]
    (file,) = run(film, first).renditions
    assert file.frames == 1
    assert same(np.asarray(Image.open(file.path).convert("RGBA")), shown_by_pillow(film)[0][0])


def test_all_frames_are_trimmed_like_the_first(tmp_path: Path) -> None:
    frames = [np.full((30, 40, 3), 255, np.uint8) for _ in range(3)]
    for at, frame in enumerate(frames):
        frame[10 - at : 20 + at, 12:30] = 90
        frame[15, 15] = at
    path = saved(frames, tmp_path / "x.webp", [50] * 3)
    (file,) = run(path, "renditions: [{name: a, steps: [trim], outputs: [{format: webp, lossless: true}]}]").renditions
    assert (file.width, file.height) == (18, 10)
    for found, frame in zip(read(Path(file.path))[0], frames, strict=True):
        assert same(found.pixels, frame[10:20, 12:30])


@pytest.mark.parametrize(
    "step", ["attention-crop: {width: 20, height: 20}", "deskew", "white-balance", "threshold", "contrast", "trim"]
)
def test_steps_that_read_pixels_give_all_frames_the_same_size(step: str, tmp_path: Path) -> None:
    frames = [raster(30, 50, seed=at).pixels for at in range(3)]
    path = saved(frames, tmp_path / "x.webp", [50] * 3)
    (file,) = run(path, f"renditions: [{{name: a, steps: [{step}], outputs: [{{format: webp}}]}}]").renditions
    assert file.frames == 3


@pytest.mark.parametrize("shared", [True, False])
def test_frames_of_different_sizes_after_the_steps_fail_the_image(film: Path, shared: bool) -> None:
    spec = RenditionSpec(name="a", steps=() if shared else (Narrower(),), outputs=(GIF,))
    pipeline = Pipeline(name="x", steps=(Narrower(),) if shared else (), renditions=(spec,))
    with pytest.raises(ImageFailure) as failure:
        run(film, pipeline)
    assert failure.value.code == Code.OPERATION_FAILED
    assert "Frame 2 came out of the steps" in failure.value.message
    assert "39 x 30 pixels" in failure.value.message


def test_only_the_first_frame_is_measured(film: Path) -> None:
    spec = RenditionSpec(name="a", steps=(Corner(),), outputs=(GIF, PNG))
    rendered = run(film, Pipeline(name="x", steps=(Corner(),), renditions=(spec,)))
    assert rendered.measurements == {"corner": 0.0, "a.corner": 0.0}


def test_the_deadline_is_checked_between_frames(film: Path) -> None:
    calls: list[int] = []
    run(film, "renditions: [{name: a, outputs: [{format: gif}]}]", calls)
    assert len(calls) > 8


@pytest.mark.parametrize("kind", ["gif", "webp", "png"])
def test_a_truncated_animation_is_corrupt(kind: str, tmp_path: Path) -> None:
    path = saved([raster(40, 50, seed=at).pixels for at in range(4)], tmp_path / f"x.{kind}", TIMES)
    path.write_bytes(path.read_bytes()[:-700])
    with pytest.raises(ImageFailure) as failure:
        run(path, "renditions: [{name: a, outputs: [{format: webp}]}]")
    assert failure.value.code == Code.CORRUPT_IMAGE


def test_auto_keeps_the_smallest_file_and_says_its_format(film: Path, tmp_path: Path) -> None:
    text = "renditions: [{name: a, outputs: [{format: auto, among: [jpeg, gif, png, webp]}]}]"
    (file,) = run(film, text).renditions
    assert (file.frames, file.format in {ImageFormat.GIF, ImageFormat.WEBP}) == (4, True)
    (tmp_path / "two").mkdir()
    photo = tmp_path / "two" / "photo.png"
    Image.fromarray(raster(60, 80, 4).pixels).save(photo)
    (file,) = run(photo, text).renditions
    each = text.replace("{format: auto, among: [jpeg, gif, png, webp]}", "{format: png}, {format: webp}")
    sizes = {item.format: item.bytes for item in run_in_other_folder(photo, each).renditions}
    assert (file.format, file.bytes) == min(sizes.items(), key=lambda item: item[1])


def run_in_other_folder(path: Path, pipeline: str) -> Rendered:
    folder = path.parent / "other"
    folder.mkdir()
    return run(Path(path.rename(folder / path.name)), pipeline)


@pytest.fixture
def three_pages(tmp_path: Path) -> Path:
    """A TIFF of three pages with different sizes, channels and depths."""
    path = tmp_path / "book.tif"
    writer = codec.PagesWriter(path, Output(format=ImageFormat.TIFF))
    for page in pages():
        writer.add(page)
    return path


def pages() -> list[Raster]:
    return [raster(30, 40, 3), raster(50, 20, 4, np.uint16), raster(25, 35, 1)]


def test_a_tiff_holds_all_pages_and_other_formats_have_one_file_per_page(three_pages: Path) -> None:
    assert probe.read_header(three_pages).frames == 3
    text = """\
pages: all
steps: [flip]
renditions: [{name: a, outputs: [{format: png}, {format: tiff}]}, {name: b, outputs: [{format: jpeg}]}]
"""
    files = {(file.name, file.format.value): file for file in run(three_pages, text).renditions}
    assert set(files) == {
        *(("a", "tiff"), ("a", "png"), ("a-2", "png"), ("a-3", "png")),
        *(("b", "jpeg"), ("b-2", "jpeg"), ("b-3", "jpeg")),
    }
    assert files["a", "tiff"].frames == 3
    copied = Path(files["a", "tiff"].path)
    found = list(codec.read_pages(copied, probe.read_header(copied), copied.with_suffix(".scratch")))
    for number, (page, raster_found) in enumerate(zip(pages(), found, strict=True), 1):
        flipped = page.pixels[:, ::-1]
        assert np.array_equal(raster_found.pixels, flipped)
        png = Path(files["a" if number == 1 else f"a-{number}", "png"].path)
        assert np.array_equal(codec.decode(png, probe.read_header(png)).pixels, flipped)


def test_only_the_first_page_is_taken_by_default(three_pages: Path) -> None:
    (file,) = run(three_pages, "renditions: [{name: a, outputs: [{format: tiff}]}]").renditions
    assert (file.frames, file.width, file.height) == (1, 40, 30)


def test_a_damaged_page_fails_the_image(three_pages: Path) -> None:
    header = probe.read_header(three_pages)
    three_pages.write_bytes(three_pages.read_bytes()[:-900])
    with pytest.raises(ImageFailure) as failure:
        list(codec.read_pages(three_pages, header, three_pages.with_suffix(".scratch")))
    assert failure.value.code == Code.CORRUPT_IMAGE


def test_a_circle_of_page_directories_is_corrupt(three_pages: Path) -> None:
    from core.imaging.formats import tiff_ifd

    header = probe.read_header(three_pages)
    first, second, _ = tiff_ifd.page_offsets(three_pages)
    content = bytearray(three_pages.read_bytes())
    count = int.from_bytes(content[second : second + 2], "little")
    content[second + 2 + 12 * count : second + 6 + 12 * count] = first.to_bytes(4, "little")
    three_pages.write_bytes(content)
    with pytest.raises(ImageFailure, match="the link to the next is broken"):
        list(codec.read_pages(three_pages, header, three_pages.with_suffix(".scratch")))
