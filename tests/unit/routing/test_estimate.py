"""Estimates of images: their bounds, what they depend on, and the completeness of the shipped cost table."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from core.domain.errors import Misconfigured
from core.domain.model import ImageFormat, ImageHeader
from core.imaging.formats.readers import READERS
from core.imaging.operations import OPERATIONS
from core.imaging.operations.base import Operation
from core.imaging.operations.blur import Blur
from core.pipelines import SHIPPED_FOLDER
from core.pipelines.definition import Pipeline
from core.pipelines.loader import load, load_folder
from core.routing import cost_table
from core.routing.estimate import Costs, estimate
from core.routing.stages import stages

COSTS = cost_table.load("x86_64")
PIPELINES = load_folder(SHIPPED_FOLDER)


def header(width: int = 1200, height: int = 800, **more: object) -> ImageHeader:
    fields = {"format": "jpeg", "channels": 3, "depth": 8, "bytes": width * height // 5, **more}
    return ImageHeader(width=width, height=height, **fields)  # type: ignore[arg-type]


def kinds(pipeline: Pipeline, image: ImageHeader) -> list[str]:
    return [stage.kinds[-1] for stage in stages(image, pipeline)]


@given(
    st.sampled_from(sorted(PIPELINES)),
    st.integers(16, 20_000),
    st.integers(16, 20_000),
    st.sampled_from(["jpeg", "png", "webp", "tiff", "avif"]),
    st.sampled_from([(1, 8), (3, 8), (4, 8), (3, 16)]),
)
def test_an_estimate_is_positive_and_never_above_its_upper_estimate(
    name: str, width: int, height: int, file_format: str, samples: tuple[int, int]
) -> None:
    image = header(width, height, format=file_format, channels=samples[0], depth=samples[1])
    made = estimate(image, PIPELINES[name], COSTS)
    assert 0 < made.cpu_seconds <= made.cpu_seconds_upper
    assert COSTS.base_bytes <= made.peak_bytes <= made.peak_bytes_upper
    assert 0 <= made.parallel <= 1


@given(st.sampled_from(["archive", "restore"]), st.integers(64, 4000), st.integers(64, 4000))
def test_a_larger_image_needs_more_time_and_memory(name: str, width: int, height: int) -> None:
    small, large = (estimate(header(width * factor, height * factor), PIPELINES[name], COSTS) for factor in (1, 2))
    assert small.cpu_seconds < large.cpu_seconds
    assert small.peak_bytes < large.peak_bytes


def test_a_pipeline_is_estimated_as_a_sequence_of_stages() -> None:
    assert kinds(PIPELINES["restore"], header(4000, 3000)) == [
        *("decode jpeg", "denoise", "contrast", "sharpen"),
        *("encode png", "resize", "encode jpeg"),
    ]


def test_an_image_that_has_the_size_already_has_no_resize_stage() -> None:
    assert "resize" not in kinds(PIPELINES["thumbnail"], header(400, 300))


def test_a_jpeg_scaled_on_load_costs_the_memory_of_the_smaller_raster() -> None:
    thumbnail, archive = (estimate(header(8000, 6000), PIPELINES[name], COSTS) for name in ("thumbnail", "archive"))
    assert thumbnail.peak_bytes - COSTS.base_bytes < 8000 * 6000 * 3 / 8
    assert archive.peak_bytes - COSTS.base_bytes > 8000 * 6000 * 3


def test_each_frame_adds_time_but_no_memory() -> None:
    still, moving = (header(format="gif", frames=frames, bytes=frames * 90_000) for frames in (1, 20))
    one, twenty = (estimate(image, PIPELINES["web"], COSTS) for image in (still, moving))
    assert twenty.cpu_seconds > 10 * one.cpu_seconds
    assert twenty.peak_bytes < 2 * one.peak_bytes


def test_a_file_that_is_large_for_its_format_costs_more() -> None:
    """A PNG of a photograph is as large as a JPEG of noise, so sizes are compared within a format."""
    photo, noise = (header(bytes=size) for size in (150_000, 900_000))
    png = header(format="png", bytes=1_900_000)
    costs = [estimate(image, PIPELINES["web"], COSTS).cpu_seconds for image in (photo, noise, png)]
    assert costs[1] > 1.3 * costs[0]
    assert costs[2] < 1.3 * costs[0]


def test_an_unmeasured_operation_is_estimated_high_and_named() -> None:
    class Novel(Operation, frozen=True, tag="novel"):
        """A company's own operation."""

    spec = PIPELINES["thumbnail"].renditions
    plain, novel = (
        estimate(header(), Pipeline(name="x", steps=steps, renditions=spec), COSTS) for steps in ((), (Novel(),))
    )
    assert novel.cpu_seconds_upper > 10 * plain.cpu_seconds_upper
    assert novel.basis.endswith("never measured: novel")
    assert "never" not in plain.basis


def test_a_step_measured_with_its_parameters_is_preferred_to_its_operation() -> None:
    text = "steps: [{{blur: {{sigma: {}}}}}]\nrenditions: [{{name: x, outputs: [{{format: png}}]}}]\n"
    expensive = replace(COSTS.kinds["blur"], seconds=(0.0, 9.0, 0.0, 0.0))
    costs = replace(COSTS, kinds={**COSTS.kinds, 'blur {"sigma":3.5}': expensive})
    other, exact = (estimate(header(), load(text.format(sigma), "x.yaml"), costs) for sigma in (4, 3.5))
    assert exact.cpu_seconds > 100 * other.cpu_seconds


def test_the_shipped_table_has_every_operation_decoder_and_encoder() -> None:
    required = {*OPERATIONS, *(f"encode {item.value}" for item in ImageFormat), *(f"decode {item}" for item in READERS)}
    measured = {kind.partition("/")[0] for kind in COSTS.kinds}
    assert required - measured == set()


def test_stages_follow_the_channels_that_steps_return() -> None:
    assert Blur(sigma=2).output_channels(4) == 4
    pipeline = load("steps: [grayscale]\nrenditions: [{name: x, outputs: [{format: png}]}]\n", "x.yaml")
    (*_, last) = stages(header(channels=4), pipeline)
    assert last.source.channels == 2


def test_an_architecture_without_a_table_has_higher_upper_estimates() -> None:
    own, foreign = cost_table.load("x86_64"), cost_table.load("riscv64")
    assert foreign.margins.seconds == pytest.approx(1.5 * own.margins.seconds)
    assert "x86_64" in estimate(header(), PIPELINES["web"], foreign).basis


def test_the_table_of_the_setting_is_preferred_to_the_shipped_one(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_bytes(msgspec.json.encode(replace(COSTS, measured_at="2030-01-01")))
    assert cost_table.load("x86_64", str(path)).measured_at == "2030-01-01"


@pytest.mark.parametrize(("content", "message"), [(None, "cannot be read"), (b"{}", "no cost table")])
def test_an_unreadable_table_is_refused_by_name(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "own.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Misconfigured, match=f"COSTS is wrong: .*own.json.*{message}"):
        cost_table.load("x86_64", str(path))


def test_a_table_is_unchanged_after_encoding_and_decoding() -> None:
    assert msgspec.json.decode(msgspec.json.encode(COSTS), type=Costs) == COSTS
