"""The corpus of difficult real images, if it lies beside the repository: each becomes renditions or a code."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from core.domain.errors import Code, ImageFailure
from core.domain.model import RenditionFile, Route
from core.imaging import codec
from core.imaging.header import read_header
from core.pipelines import SHIPPED_FOLDER, loader
from core.routing import plan
from core.worker.rendering import render
from tests.support.images.rasters import psnr

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
IMAGES = sorted(path for path in CORPUS.glob("*") if path.is_file() and path.name != "README.md")
PIPELINES = loader.load_folder(SHIPPED_FOLDER)
LIMITS = plan.Limits(max_megapixels=250, max_bytes=1 << 30)
# The images that end failed, with their codes.
REFUSED = {
    "65536-uint32-limit.png": Code.TOO_MANY_PIXELS,
    "giant-image.jpg": Code.TOO_MANY_PIXELS,
    "corrupt-header.jpg": Code.CORRUPT_IMAGE,
    "truncated.jpg": Code.CORRUPT_IMAGE,
    "truncated.png": Code.CORRUPT_IMAGE,
}
# Non-local means takes seconds per megapixel, so `restore` processes only smaller images.
RESTORE_MEGAPIXELS = 0.3

pytestmark = [pytest.mark.long, pytest.mark.skipif(not IMAGES, reason=f"there is no corpus at {CORPUS}")]


def run(path: Path, name: str, out: Path) -> tuple[RenditionFile, ...]:
    header = read_header(path)
    plan.plan(header, PIPELINES[name], LIMITS, plan.Capacity(route=Route.LOCAL))
    return render.render(path, header, PIPELINES[name], out, lambda: None).renditions


def runs() -> Iterator[tuple[Path, str]]:
    for path in IMAGES:
        for name in ("thumbnail", "web", "archive", "restore"):
            yield path, name


@pytest.mark.parametrize(("path", "name"), [pytest.param(*run, id=f"{run[0].name}-{run[1]}") for run in runs()])
def test_every_image_is_renditions_or_a_code(path: Path, name: str, tmp_path: Path) -> None:
    if path.name in REFUSED:
        with pytest.raises(ImageFailure) as failure:
            run(path, name, tmp_path)
        assert failure.value.code == REFUSED[path.name]
        return
    header = read_header(path)
    if name == "restore" and header.megapixels > RESTORE_MEGAPIXELS:
        pytest.skip(f"non-local means on {header.megapixels:.1f} megapixels takes too long here")
    files = run(path, name, tmp_path)
    assert len(files) == sum(len(spec.outputs) for spec in PIPELINES[name].renditions)
    for file in files:
        with Image.open(file.path) as image:
            image.load()
            assert image.size == (file.width, file.height)


@pytest.mark.parametrize("number", range(2, 9))
@pytest.mark.parametrize("shape", ["Landscape", "Portrait"])
def test_every_orientation_comes_out_upright(shape: str, number: int, tmp_path: Path) -> None:
    def thumbnail(at: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        path = CORPUS / f"{shape}_{at}.jpg"
        if not path.exists():
            pytest.skip(f"there is no {path}")
        (file,) = run(path, "thumbnail", tmp_path)
        pixels = codec.decode(Path(file.path), read_header(Path(file.path))).pixels
        return np.asarray(cv2.resize(pixels, (96, 96), interpolation=cv2.INTER_AREA), np.uint8)

    assert psnr(thumbnail(number), thumbnail(1)) > 20


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in IMAGES if path.name not in REFUSED])
def test_pixels_are_those_that_pillow_sees(path: Path) -> None:
    """Pillow agrees on images without a profile and of 8 bits."""
    header = read_header(path)
    if header.depth > 8:
        pytest.skip("Pillow has 8 bits only: compared elsewhere")
    with Image.open(path) as image:
        if image.info.get("icc_profile") or image.mode == "CMYK" or header.orientation != 1:
            pytest.skip("converted: compared elsewhere")
        mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[header.channels]
        expected = np.asarray(image.convert(mode)).reshape(header.height, header.width, header.channels)
    pixels = codec.decode(path, header).pixels.copy()
    visible = expected[..., -1] > 0 if header.channels in (2, 4) else np.ones(expected.shape[:2], bool)
    difference = np.abs(pixels.astype(int) - expected)[visible]
    assert difference.size == 0 or difference.max() <= 3


@pytest.mark.parametrize(
    "name", ["animated-loop-3.gif", "animated-loop-3.webp", "rotating-squares.gif", "big-height.webp"]
)
def test_an_animation_keeps_its_frames_times_and_repeats(name: str, tmp_path: Path) -> None:
    path = CORPUS / name
    if not path.exists():
        pytest.skip(f"there is no {path}")
    both = loader.load("renditions: [{name: a, outputs: [{format: webp}, {format: gif}]}]", "both.yaml")
    header = read_header(path)
    assert header.frames > 1
    files = render.render(path, header, both, tmp_path, lambda: None).renditions
    expected = codec.read_animation(path, header)
    frames = list(expected.frames)
    for file in (*files, *(file for file in run(path, "web", tmp_path) if file.format == "webp")):
        found = codec.read_animation(Path(file.path), read_header(Path(file.path)))
        rasters = list(found.frames)
        assert len(rasters) == file.frames == header.frames
        assert [frame.milliseconds for frame in rasters] == [frame.milliseconds for frame in frames]
        assert found.plays == expected.plays


def test_a_tiff_keeps_its_pages(tmp_path: Path) -> None:
    path = CORPUS / "G31D_MULTI.TIF"
    if not path.exists():
        pytest.skip(f"there is no {path}")
    whole = loader.load("pages: all\nrenditions: [{name: a, outputs: [{format: tiff}, {format: png}]}]", "whole.yaml")
    files = render.render(path, read_header(path), whole, tmp_path, lambda: None).renditions
    assert [(file.name, file.format.value, file.frames) for file in files] == [
        *(("a", "tiff", 2), ("a", "png", 1), ("a-2", "png", 1)),
    ]
    with Image.open(path) as source, Image.open(files[0].path) as copy:
        for number in range(2):
            source.seek(number)
            copy.seek(number)
            pages = [np.asarray(page.convert("L")) for page in (source, copy, Image.open(files[1 + number].path))]
            assert np.array_equal(pages[0], pages[1])
            assert np.array_equal(pages[0], pages[2])
