"""The estimate of an image: what it follows, what it never does, and what the shipped table knows."""

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


def kinds(pipeline: Pipeline, of: ImageHeader) -> list[str]:
    return [stage.kinds[-1] for stage in stages(of, pipeline)]


@given(
    st.sampled_from(sorted(PIPELINES)),
    st.integers(16, 20_000),
    st.integers(16, 20_000),
    st.sampled_from(["jpeg", "png", "webp", "tiff", "avif"]),
    st.sampled_from([(1, 8), (3, 8), (4, 8), (3, 16)]),
)
def test_no_estimate_is_above_its_upper_one_and_none_is_nothing(
    name: str, width: int, height: int, file_format: str, samples: tuple[int, int]
) -> None:
    of = header(width, height, format=file_format, channels=samples[0], depth=samples[1])
    made = estimate(of, PIPELINES[name], COSTS)
    assert 0 < made.cpu_seconds <= made.cpu_seconds_upper
    assert COSTS.base_bytes <= made.peak_bytes <= made.peak_bytes_upper
    assert 0 <= made.parallel <= 1


@given(st.sampled_from(["archive", "restore"]), st.integers(64, 4000), st.integers(64, 4000))
def test_a_larger_image_takes_more(name: str, width: int, height: int) -> None:
    small, large = (estimate(header(width * by, height * by), PIPELINES[name], COSTS) for by in (1, 2))
    assert small.cpu_seconds < large.cpu_seconds
    assert small.peak_bytes < large.peak_bytes


def test_a_pipeline_is_a_row_of_stages() -> None:
    assert kinds(PIPELINES["restore"], header(4000, 3000)) == [
        *("decode jpeg", "denoise", "contrast", "sharpen"),
        *("encode png", "resize", "encode jpeg"),
    ]


def test_what_is_as_large_as_it_shall_be_is_not_resized() -> None:
    assert "resize" not in kinds(PIPELINES["thumbnail"], header(400, 300))


def test_a_jpeg_in_an_eighth_of_its_size_costs_the_memory_of_that() -> None:
    thumbnail, archive = (estimate(header(8000, 6000), PIPELINES[name], COSTS) for name in ("thumbnail", "archive"))
    assert thumbnail.peak_bytes - COSTS.base_bytes < 8000 * 6000 * 3 / 8
    assert archive.peak_bytes - COSTS.base_bytes > 8000 * 6000 * 3


def test_each_frame_costs_its_time_and_no_memory_of_its_own() -> None:
    still, moving = (header(format="gif", frames=frames, bytes=frames * 90_000) for frames in (1, 20))
    one, twenty = (estimate(of, PIPELINES["web"], COSTS) for of in (still, moving))
    assert twenty.cpu_seconds > 10 * one.cpu_seconds
    assert twenty.peak_bytes < 2 * one.peak_bytes


def test_a_file_that_is_dense_for_its_format_has_more_on_it() -> None:
    """A PNG of a photograph is as large as a JPEG of noise: sizes are compared within a format."""
    photo, noise = (header(bytes=size) for size in (150_000, 900_000))
    png = header(format="png", bytes=1_900_000)
    costs = [estimate(of, PIPELINES["web"], COSTS).cpu_seconds for of in (photo, noise, png)]
    assert costs[1] > 1.3 * costs[0]
    assert costs[2] < 1.3 * costs[0]


def test_what_was_never_measured_costs_as_the_dearest_and_is_named() -> None:
    class Novel(Operation, frozen=True, tag="novel"):
        """A company's own."""

    spec = PIPELINES["thumbnail"].renditions
    plain, novel = (
        estimate(header(), Pipeline(name="x", steps=steps, renditions=spec), COSTS) for steps in ((), (Novel(),))
    )
    assert novel.cpu_seconds_upper > 10 * plain.cpu_seconds_upper
    assert novel.basis.endswith("never measured: novel")
    assert "never" not in plain.basis


def test_a_step_as_a_calibrated_pipeline_has_it_goes_before_its_example() -> None:
    text = "steps: [{{blur: {{sigma: {}}}}}]\nrenditions: [{{name: x, outputs: [{{format: png}}]}}]\n"
    dear = replace(COSTS.kinds["blur"], seconds=(0.0, 9.0, 0.0, 0.0))
    costs = replace(COSTS, kinds={**COSTS.kinds, 'blur {"sigma":3.5}': dear})
    other, exact = (estimate(header(), load(text.format(sigma), "x.yaml"), costs) for sigma in (4, 3.5))
    assert exact.cpu_seconds > 100 * other.cpu_seconds


def test_the_shipped_table_knows_every_operation_every_decoder_and_every_encoder() -> None:
    wanted = {*OPERATIONS, *(f"encode {item.value}" for item in ImageFormat), *(f"decode {item}" for item in READERS)}
    known = {kind.partition("/")[0] for kind in COSTS.kinds}
    assert wanted - known == set()


def test_every_operation_says_the_size_and_the_channels_of_what_it_returns() -> None:
    assert Blur(sigma=2).output_channels(4) == 4
    made = load("steps: [grayscale]\nrenditions: [{name: x, outputs: [{format: png}]}]\n", "x.yaml")
    (*_, last) = stages(header(channels=4), made)
    assert last.source.channels == 2


def test_another_architecture_has_wider_upper_estimates() -> None:
    here, there = cost_table.load("x86_64"), cost_table.load("riscv64")
    assert there.margins.seconds == pytest.approx(1.5 * here.margins.seconds)
    assert "x86_64" in estimate(header(), PIPELINES["web"], there).basis


def test_ones_own_table_goes_before_the_shipped_one(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_bytes(msgspec.json.encode(replace(COSTS, measured_at="2030-01-01")))
    assert cost_table.load("x86_64", str(path)).measured_at == "2030-01-01"


@pytest.mark.parametrize(("content", "said"), [(None, "cannot be read"), (b"{}", "no cost table")])
def test_a_table_that_is_none_is_refused_by_name(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "own.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Misconfigured, match=f"COSTS is wrong: .*own.json.*{said}"):
        cost_table.load("x86_64", str(path))


def test_a_table_survives_its_file() -> None:
    assert msgspec.json.decode(msgspec.json.encode(COSTS), type=Costs) == COSTS
