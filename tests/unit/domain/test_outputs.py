"""The options of outputs, and the formats that `auto` chooses."""

from typing import Any

import pytest

from core.domain.errors import Code, ImageFailure, Misconfigured
from core.domain.model import ImageFormat
from core.domain.outputs import Automatic, Output, Subsampling, eligible_encodings
from core.pipelines.definition import from_bytes, to_bytes
from core.pipelines.loader import load

JPEG, PNG, WEBP, AVIF, TIFF, GIF = (
    *(ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.WEBP),
    *(ImageFormat.AVIF, ImageFormat.TIFF, ImageFormat.GIF),
)
OPTIONS: dict[str, tuple[Any, set[ImageFormat]]] = {
    "quality": (70, {JPEG, WEBP, AVIF}),
    "progressive": (True, {JPEG}),
    "optimize": (False, {JPEG}),
    "subsampling": (Subsampling.ALL, {JPEG}),
    "compression": (0, {PNG}),
    "palette": (16, {PNG}),
    "lossless": (True, {WEBP}),
    "speed": (0, {AVIF}),
    "colors": (16, {GIF}),
}


def written(*outputs: str, name: str = "a") -> str:
    return f"renditions: [{{name: {name}, outputs: [{', '.join(outputs)}]}}]"


def fault(text: str) -> str:
    with pytest.raises(Misconfigured) as error:
        load(text, "x.yaml")
    assert error.value.code == Code.INVALID_PIPELINE
    return error.value.message


def test_an_option_is_refused_by_the_formats_that_do_not_have_it() -> None:
    for option, (value, formats) in OPTIONS.items():
        for kind in ImageFormat:
            if kind in formats:
                assert getattr(Output(format=kind, **{option: value}), option) == value
                continue
            with pytest.raises(ValueError, match=option):
                Output(format=kind, **{option: value})


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("{format: png, progressive: true}", "png has no progressive; it is an option of jpeg"),
        ("{format: webp, lossless: true, quality: 3}", "give either lossless or quality"),
        ("{format: gif, quality: 3}", "gif is lossless and has no quality"),
        ("{format: png, palette: 257}", "palette: Expected `int` <= 256"),
        ("{format: avif, speed: 11}", "speed: Expected `int` <= 10"),
        ("{format: jpeg, subsampling: '4:1:1'}", "subsampling: Invalid enum value '4:1:1'"),
        ("{format: auto, among: [jpeg]}", "among: Expected `array` of length >= 2"),
        ("{format: auto, among: [jpeg, jpeg]}", "among names a format twice"),
        ("{format: auto, among: [png, gif], quality: 4}", "none of the formats in among has a quality"),
        ("{format: auto, speed: 4}", "speed: there is no such field"),
        ("{format: jpeg, among: [png]}", "among: there is no such field"),
        ("[auto]", "expected fields"),
    ],
)
def test_the_error_of_an_invalid_output_names_the_fault(output: str, words: str) -> None:
    assert words in fault(written(output))


def test_outputs_with_options_travel_to_the_worker() -> None:
    text = written(
        "{format: auto, among: [png, avif], quality: 3}", "{format: jpeg, progressive: true, subsampling: '4:4:4'}"
    )
    loaded = load("frames: first\npages: all\n" + text, "x.yaml")
    assert from_bytes(to_bytes(loaded)) == loaded
    automatic, jpeg = loaded.renditions[0].outputs
    assert automatic.candidates == (Output(format=PNG), Output(format=AVIF, quality=3))
    assert jpeg == Output(format=JPEG, progressive=True, subsampling=Subsampling.ALL)


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        (["{format: webp}", "{format: auto}"], "auto may choose webp, which another output of a has"),
        (["{format: auto, among: [png, gif]}", "{format: auto, among: [gif, tiff]}"], "auto may choose gif"),
        (["{format: auto}", "{format: avif}"], "there is a second a in avif"),
    ],
)
def test_two_files_of_a_rendition_may_not_have_the_same_format(outputs: list[str], words: str) -> None:
    assert words in fault(written(*outputs))


def test_no_rendition_is_named_as_another_ones_page_would_be() -> None:
    two = "renditions: [{name: a, outputs: [{format: png}]}, {name: a-2, outputs: [{format: png}]}]"
    assert load(two, "x.yaml")
    assert "a page of a would have this name too" in fault("pages: all\n" + two)


ALL = Automatic(among=(JPEG, PNG, WEBP, AVIF, TIFF, GIF))


@pytest.mark.parametrize(
    ("size", "properties", "expected"),
    [
        ((9, 9), {}, {JPEG, PNG, WEBP, AVIF, TIFF, GIF}),
        ((9, 9), {"transparent": True}, {PNG, WEBP, AVIF, TIFF}),
        ((9, 9), {"deep": True}, {PNG, TIFF}),
        ((9, 9), {"deep": True, "transparent": True}, {PNG, TIFF}),
        ((9, 9), {"frames": 2}, {WEBP, GIF}),
        ((9, 9), {"frames": 2, "transparent": True}, {WEBP}),
        ((9, 17_000), {}, {JPEG, PNG, AVIF, TIFF, GIF}),
        ((9, 70_000), {}, {PNG, TIFF}),
    ],
)
def test_auto_tries_the_formats_that_can_hold_the_picture(
    size: tuple[int, int], properties: dict[str, Any], expected: set[ImageFormat]
) -> None:
    encodings = eligible_encodings(ALL, size, **{"frames": 1, "transparent": False, "deep": False, **properties})
    assert {output.format for output in encodings} == expected


def test_auto_accepts_a_loss_but_never_jpeg_for_transparency() -> None:
    lossy = Automatic(among=(JPEG, AVIF))
    assert [item.format for item in eligible_encodings(lossy, (9, 9), frames=5, transparent=False, deep=True)] == [
        JPEG,
        AVIF,
    ]
    assert [item.format for item in eligible_encodings(lossy, (9, 9), frames=1, transparent=True, deep=True)] == [AVIF]
    either = Automatic(among=(JPEG, WEBP))
    assert [
        item.format for item in eligible_encodings(either, (17_000, 9), frames=1, transparent=False, deep=False)
    ] == [JPEG]
    with pytest.raises(ImageFailure, match="WebP holds at most 16,383") as failure:
        eligible_encodings(either, (17_000, 9), frames=1, transparent=True, deep=False)
    assert failure.value.code == Code.RESULT_TOO_LARGE


def test_auto_refuses_a_picture_that_none_of_its_formats_can_hold() -> None:
    Automatic().refuse_larger(65_536, 9)
    with pytest.raises(ImageFailure, match="jpeg, webp and avif hold at most 65,536 a side") as failure:
        Automatic().refuse_larger(65_537, 9)
    assert failure.value.code == Code.RESULT_TOO_LARGE
