"""Animations keep every frame, its duration and the repeats; an incomplete one raises an error."""

from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import GifImagePlugin, Image

from core.domain.errors import Code, ImageFailure
from core.domain.model import ImageFormat
from core.domain.outputs import Output
from core.imaging import codec
from core.imaging.codec.animation.frame_clock import FrameClock
from core.imaging.formats import gif
from core.imaging.header import read_header
from core.imaging.raster import Raster
from tests.support.images.clips import clip, clips, read, same, saved, shown_by_pillow
from tests.support.images.rasters import psnr, raster

DURATIONS = [100, 30, 20, 250, 10, 0, 70, 500]
LOSSLESS = {
    ImageFormat.WEBP: Output(format=ImageFormat.WEBP, lossless=True),
    ImageFormat.GIF: Output(format=ImageFormat.GIF),
}


def write(frames: list[Any], path: Path, output: Output, times: list[float], plays: int) -> Path:
    writer = codec.AnimationWriter(path, output, plays)
    for frame, time in zip(frames, times, strict=True):
        writer.add(codec.Frame(Raster(frame), time))
    assert writer.finish() == path.stat().st_size
    return path


@pytest.mark.parametrize("plays", [0, 1, 2, 7])
@pytest.mark.parametrize(
    ("kind", "alpha"), [("gif", False), ("webp", False), ("webp", True), ("png", False), ("png", True)]
)
def test_frames_come_in_whole_with_their_times(kind: str, plays: int, alpha: bool, tmp_path: Path) -> None:
    frames = clip(8, alpha=alpha)
    for at in range(8):
        frames[at][0, at, :3] = 9 * at  # no two are equal, since Pillow would merge them
        frames[at][0, :, 3:] = 255
    path = saved(frames, tmp_path / f"x.{kind}", DURATIONS, plays)
    assert read_header(path).frames == 8
    rasters, times, played = read(path)
    assert times == DURATIONS
    assert played == plays
    assert all(same(raster.pixels, frame) for raster, frame in zip(rasters, frames, strict=True))
    assert len({raster.channels for raster in rasters}) == 1


def test_an_animated_avif_is_read(tmp_path: Path) -> None:
    frames = [np.ascontiguousarray(frame.repeat(4, 0).repeat(4, 1)) for frame in clip(5)]
    rasters, times, plays = read(saved(frames, tmp_path / "x.avif", [100, 40, 200, 40, 1000], quality=95))
    assert times == [100, 40, 200, 40, 1000]
    assert plays == 0
    assert all(psnr(raster.pixels, frame) > 25 for raster, frame in zip(rasters, frames, strict=True))


@pytest.mark.parametrize(
    ("kind", "disposal"), [("gif", 0), ("gif", 1), ("gif", 2), ("gif", 3), ("png", 0), ("png", 1), ("png", 2)]
)
def test_the_disposal_of_frames_agrees_with_opencv(kind: str, disposal: int, tmp_path: Path) -> None:
    frames = clip(6, alpha=True, seed=3)
    path = saved(frames, tmp_path / f"x.{kind}", [100] * 6, disposal=disposal)
    done, animation = cv2.imdecodeanimation(np.fromfile(path, np.uint8))
    assert done
    rasters, _, _ = read(path)
    assert len(animation.frames) == len(rasters)
    for frame, found in zip(animation.frames, rasters, strict=True):
        assert same(cv2.cvtColor(frame, cv2.COLOR_BGRA2RGBA), found.pixels)


def test_a_png_with_a_picture_before_its_animation_begins_with_the_animation(tmp_path: Path) -> None:
    frames = clip(4, seed=5)
    path = saved(frames, tmp_path / "x.png", [50, 60, 70], default_image=True)
    assert read_header(path).frames == 3
    rasters, times, _ = read(path)
    assert times == [50, 60, 70]
    assert all(same(raster.pixels, frame) for raster, frame in zip(rasters, frames[1:], strict=True))


def test_a_frame_that_hangs_over_a_gifs_canvas_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "x.gif"
    data = (Image.fromarray(np.full(size, 1, np.uint8)) for size in ((10, 10), (30, 20)))
    frames = [
        gif.encode_frame((0, 0), image.size, b"\0\0\0\xff\0\0", lzw(image), hundredths=5, clear=False, clear_index=None)
        for image in data
    ]
    path.write_bytes(gif.encode_head(10, 10, 0) + b"".join(frames) + gif.TRAILER)
    rasters, _, _ = read(path)
    assert [found.pixels.shape[:2] for found in rasters] == [(10, 10), (10, 10)]
    assert (rasters[1].pixels[..., :3] == (255, 0, 0)).all()


def lzw(image: Image.Image) -> bytes:
    image.putpalette(bytes(768))
    return b"".join(GifImagePlugin.getdata(image, interlace=0)[1:])


@pytest.mark.parametrize("kind", ["webp", "png"])
def test_frames_come_out_upright_and_in_srgb(kind: str, tmp_path: Path) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[274] = 6
    frames = clip(3, 30, 10, seed=2)
    frames[1][0, 0] = frames[2][1, 1] = 77
    path = saved(frames, tmp_path / f"x.{kind}", [50] * 3, exif=exif, icc_profile=profile)
    for found, frame in zip(read(path)[0], frames, strict=True):
        assert same(found.pixels, np.ascontiguousarray(np.rot90(frame, -1)))


@settings(max_examples=60)
@given(clips(), st.data())
def test_a_written_animation_is_read_frame_for_frame(frames: list[Any], data: st.DataObject) -> None:
    times = data.draw(
        st.lists(st.integers(0, 300).map(lambda tens: 10 * tens), min_size=len(frames), max_size=len(frames))
    )
    plays = data.draw(st.integers(0, 65_535))
    with TemporaryDirectory() as folder:
        for kind, output in LOSSLESS.items():
            path = write(frames, Path(folder) / f"x.{kind.value}", output, list(map(float, times)), plays)
            shown, durations = shown_by_pillow(path)
            assert durations == times
            assert len(shown) == len(frames)
            assert all(same(frame, found) for frame, found in zip(frames, shown, strict=True))
            rasters, read_times, read_plays = read(path)
            assert (read_times, read_plays) == (times, plays)
            assert all(same(frame, found.pixels) for frame, found in zip(frames, rasters, strict=True))
            done, animation = cv2.imdecodeanimation(np.fromfile(path, np.uint8))
            assert done
            assert len(animation.frames) == len(frames)


@given(st.lists(st.floats(0, 5000), min_size=1, max_size=40))
def test_every_frame_ends_at_the_millisecond_nearest_to_when_it_should(times: list[float]) -> None:
    clock = FrameClock()
    ends = accumulate(clock.units(time) for time in times)
    assert all(abs(end - should) <= 0.5001 for end, should in zip(ends, accumulate(times), strict=True))


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=40))
def test_a_gif_keeps_its_times_and_shows_nothing_longer_too_short(tens: list[int]) -> None:
    clock = FrameClock(10)
    assert [clock.units(10.0 * count) for count in tens] == tens
    clock = FrameClock(10)
    assert all(clock.units(milliseconds) >= 2 for milliseconds in tens if milliseconds > 10)


@given(st.lists(st.floats(25, 3000), min_size=1, max_size=40))
def test_a_gif_lasts_as_long_as_its_source(times: list[float]) -> None:
    clock = FrameClock(10)
    assert abs(sum(map(clock.units, times)) * 10 - sum(times)) <= 5.001


def taken(path: Path) -> None:
    header = read_header(path)
    codec.refuse_incomplete(path, header)
    list(codec.read_animation(path, header).frames)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.8, 0.97, 0.999])
@pytest.mark.parametrize("kind", ["gif", "webp", "png", "avif"])
def test_an_animation_cut_short_is_corrupt_and_never_half_of_it(kind: str, share: float, tmp_path: Path) -> None:
    path = tmp_path / f"x.{kind}"
    saved([raster(60, 80, seed=at).pixels for at in range(4)], path, [100] * 4)
    content = path.read_bytes()
    path.write_bytes(content[: min(int(len(content) * share), len(content) - 1)])
    with pytest.raises(ImageFailure) as failure:
        taken(path)
    assert failure.value.code == Code.CORRUPT_IMAGE
    assert str(tmp_path) not in failure.value.message


def test_a_gif_cut_between_frames_is_corrupt_and_one_without_an_end_mark_is_not(tmp_path: Path) -> None:
    path = saved([raster(9, 9, seed=at).pixels for at in range(2)], tmp_path / "x.gif", [50, 60], plays=3)
    content = path.read_bytes()
    second = content.index(b"\x21\xf9", content.index(b"\x21\xf9") + 2)
    for end in (second, len(content) - 1):
        path.write_bytes(content[:end])
        assert not gif.read(path).complete
    single = tmp_path / "single.gif"
    Image.fromarray(clip(1)[0]).save(single)
    single.write_bytes(single.read_bytes()[:-1])
    assert gif.read(single).complete


def test_a_frame_is_decoded_when_it_is_asked_for(tmp_path: Path) -> None:
    path = saved([raster(60, 80, seed=at).pixels for at in range(4)], tmp_path / "x.webp", [100] * 4)
    header = read_header(path)
    content = bytearray(path.read_bytes())
    last = content.rindex(b"ANMF")
    content[last + 60 :] = b"\xff" * (len(content) - last - 60)
    path.write_bytes(content)
    frames = codec.read_animation(path, header).frames
    assert next(frames).milliseconds == 100
    with pytest.raises(ImageFailure):
        list(frames)


@pytest.mark.parametrize("kind", [ImageFormat.WEBP, ImageFormat.GIF])
def test_grey_and_deep_frames_are_written_too(kind: ImageFormat, tmp_path: Path) -> None:
    for channels in (1, 2, 3, 4):
        frames = [raster(20, 30, channels, np.uint16, seed=at).pixels for at in range(3)]
        path = write(frames, tmp_path / f"x.{kind.value}", Output(format=kind), [40.0] * 3, 0)
        assert read_header(path).frames == 3
        assert read(path)[1] == [40, 40, 40]


def test_a_photographs_frames_in_256_colours_look_like_it(tmp_path: Path) -> None:
    frames = [cv2.GaussianBlur(raster(120, 160, seed=at).pixels, (0, 0), 3) for at in range(3)]
    for colors, least in ((None, 32.0), (16, 22.0)):
        output = Output(format=ImageFormat.GIF, colors=colors)
        rasters, _, _ = read(write(frames, tmp_path / "x.gif", output, [40.0] * 3, 0))
        for found, frame in zip(rasters, frames, strict=True):
            assert psnr(np.ascontiguousarray(found.pixels[..., :3]), frame) > least
            assert len(np.unique(found.pixels.reshape(-1, found.channels), axis=0)) <= (colors or 256) * 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize("kind", [ImageFormat.WEBP, ImageFormat.GIF])
def test_the_error_of_a_full_disk_names_the_file(kind: ImageFormat, tmp_path: Path) -> None:
    path = tmp_path / f"x.{kind.value}"
    path.symlink_to("/dev/full")
    writer = codec.AnimationWriter(path, LOSSLESS[kind], 0)
    with pytest.raises(OSError, match="No space left") as failure:
        fill(writer)
    assert failure.value.filename == str(path)
    writer.close()


def fill(writer: codec.AnimationWriter) -> None:
    for seed in range(9):
        writer.add(codec.Frame(raster(90, 90, seed=seed), 50))
    writer.finish()
