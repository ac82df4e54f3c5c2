"""The plan refuses what cannot be done before a pixel is decoded, with the figures."""

import pytest

from core.domain.errors import Code, ImageFailure
from core.domain.model import ImageHeader, Route
from core.pipelines.definition import Pipeline
from core.pipelines.loader import load
from core.routing.plan import Capacity, Limits, plan

LIMITS = Limits(max_megapixels=250, max_bytes=1000)


def header(width: int, height: int, frames: int = 1, size: int = 10, kind: str = "png") -> ImageHeader:
    return ImageHeader(format=kind, width=width, height=height, channels=3, depth=8, frames=frames, bytes=size)


def pipeline(steps: str, form: str = "png") -> Pipeline:
    return load(f"renditions: [{{name: a, steps: [{steps}], outputs: [{{format: {form}}}]}}]", "a.yaml")


@pytest.mark.parametrize(
    ("image", "steps", "form", "code", "message"),
    [
        (
            header(50_000, 50_000),
            "",
            "png",
            Code.TOO_MANY_PIXELS,
            "50,000 \u00d7 50,000 is 2,500 megapixels; the limit is 250.",
        ),
        (header(1000, 1000, frames=300), "", "webp", Code.TOO_MANY_PIXELS, "in 300 frames is 300 megapixels"),
        (header(10, 10, size=1001), "", "png", Code.TOO_MANY_BYTES, "1,001 bytes; the limit is 1,000"),
        (header(66_000, 10), "", "jpeg", Code.RESULT_TOO_LARGE, "66,000 \u00d7 10 pixels; JPEG holds at most 65,500"),
        (header(66_000, 10), "", "avif", Code.RESULT_TOO_LARGE, "AVIF holds at most 65,536"),
        (header(9_000, 9_000), "rotate: {angle: 90}, ", "png", None, ""),
        (header(10, 17_000), "rotate: {angle: 90}", "webp", Code.RESULT_TOO_LARGE, "17,000 \u00d7 10 pixels; WebP"),
        (header(10, 17_000), "resize: {height: 400}", "webp", None, ""),
        (
            header(10, 10),
            "resize: {width: 60000, height: 60000, fit: fill, enlarge: true}",
            "png",
            Code.RESULT_TOO_LARGE,
            "3,600 megapixels",
        ),
    ],
)
def test_refusals_have_their_figures(
    image: ImageHeader, steps: str, form: str, code: Code | None, message: str
) -> None:
    if code is None:
        assert plan(image, pipeline(steps, form), LIMITS, Capacity(route=Route.LOCAL)).route is Route.LOCAL
        return
    with pytest.raises(ImageFailure) as failure:
        plan(image, pipeline(steps, form), LIMITS, Capacity(route=Route.LOCAL))
    assert failure.value.code == code
    assert message in failure.value.message


def test_the_plan_has_a_route_and_a_reason() -> None:
    made = plan(header(4000, 3000), pipeline(""), LIMITS, Capacity(route=Route.LAMBDA))
    assert made.route is Route.LAMBDA
    assert "12 megapixels" in made.reason


@pytest.mark.parametrize(
    ("kind", "fields", "form", "megapixels"),
    [
        ("gif", "", "webp", 300),
        ("gif", "", "auto", 300),
        ("gif", "", "jpeg", 1),
        ("gif", "", "auto, among: [jpeg, avif]", 1),
        ("gif", "frames: first", "webp", 1),
        ("tiff", "", "tiff", 1),
        ("tiff", "pages: all", "png", 300),
        ("jpeg", "pages: all", "webp", 1),
    ],
)
def test_frames_that_are_not_decoded_do_not_count(kind: str, fields: str, form: str, megapixels: int) -> None:
    image = header(1000, 1000, frames=300, kind=kind)
    loaded = load(f"{fields}\nrenditions: [{{name: a, outputs: [{{format: {form}}}]}}]", "a.yaml")
    if megapixels > LIMITS.max_megapixels:
        message = f"in 300 {'pages' if kind == 'tiff' else 'frames'} is 300 megapixels"
        with pytest.raises(ImageFailure, match=message):
            plan(image, loaded, LIMITS, Capacity(route=Route.LOCAL))
    else:
        assert f"{megapixels} megapixels" in plan(image, loaded, LIMITS, Capacity(route=Route.LOCAL)).reason


def test_auto_is_refused_if_none_of_its_formats_holds_the_result() -> None:
    auto = "auto, among: [webp, jpeg]"
    assert plan(header(60_000, 10), pipeline("", auto), LIMITS, Capacity(route=Route.LOCAL))
    with pytest.raises(ImageFailure, match="webp and jpeg hold at most 65,500 a side"):
        plan(header(66_000, 10), pipeline("", auto), LIMITS, Capacity(route=Route.LOCAL))
