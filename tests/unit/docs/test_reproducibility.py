"""docs/explanation/reproducibility.md covers every operation, codec and pipeline, and lists what is below 50 dB."""

from math import inf
from pathlib import Path

import numpy as np
import pytest

from benchmarks import pixel_cases, pixel_table
from benchmarks.pixel_cases import Part
from benchmarks.pixel_differences import Difference, difference
from benchmarks.pixel_table import Rows
from benchmarks.same_pixels import VARIATIONS
from core.domain.model import ImageFormat
from core.imaging.operations import OPERATIONS
from core.pipelines import SHIPPED_FOLDER
from core.pipelines.loader import load_folder
from pictureperfect.calibration.synthetic_images import KINDS
from tools.docs.section import between

DOCUMENT = (Path(__file__).parents[3] / "docs" / "explanation" / "reproducibility.md").read_text(encoding="utf-8")
SECTION = between(DOCUMENT, pixel_table.MARK)
TWO = {"as it is": {}, "without": {"LESS": "1"}}


def rows(**worst: Difference) -> Rows:
    made = Rows(tuple(TWO))
    for name, found in worst.items():
        made.add("as it is", Part.OPERATION, name, Difference())
        made.add("without", Part.OPERATION, name, found)
    return made


def test_every_operation_decoder_encoder_and_pipeline_is_in_the_document() -> None:
    """`python -m benchmarks.same_pixels --write docs/explanation/reproducibility.md` adds it."""
    wanted = {(Part.OPERATION, name) for name in OPERATIONS}
    wanted |= {(Part.DECODER, name) for name in KINDS}
    wanted |= {(Part.ENCODER, name) for name in pixel_cases.OUTPUTS}
    wanted |= {(Part.PIPELINE, name) for name in load_folder(SHIPPED_FOLDER)}
    assert wanted - pixel_table.cases_of(SECTION) == set()


def test_every_format_that_can_be_written_is_compared() -> None:
    assert {output.format for output, _ in pixel_cases.OUTPUTS.values()} == set(ImageFormat)


def test_the_docs_explain_every_environment_of_the_table() -> None:
    for name, environment in VARIATIONS.items():
        assert f"- {name}: " in SECTION
        assert all(f"`{variable}={value}`" in SECTION for variable, value in environment.items())


def test_a_difference_is_a_row_and_equal_names_are_listed() -> None:
    found = rows(blur=Difference(), resize=Difference(psnr=61.66, largest=1.0), turn=Difference(psnr=49.9, largest=7.0))
    text = pixel_table.markdown(found, TWO, "Here.")
    assert "| operation `resize` | 61.7 dB, 1 |" in text
    assert "1 of 3 give the same pixels" in text
    assert "Below 50 dB: operation `turn`." in text
    assert "Without any difference: as it is." in text
    assert pixel_table.cases_of(text) == {(Part.OPERATION, name) for name in ("blur", "resize", "turn")}


def test_a_measurement_that_differs_is_listed_among_those_below_50_db() -> None:
    text = pixel_table.markdown(rows(sharpness=Difference(share=0.001)), TWO, "Here.")
    assert "| operation `sharpness` | 0.1 % |" in text
    assert "Below 50 dB: operation `sharpness`." in text


def test_one_step_in_every_second_value_is_51_decibels() -> None:
    first = np.full((4, 4, 3), 100, np.uint8)
    second = first.copy()
    second[::2] += 1
    assert difference(first, second).psnr == pytest.approx(51.14, abs=0.01)
    assert difference(first, second).largest == 1.0
    assert difference(first, first) == Difference(psnr=inf, largest=0.0, share=0.0)
    assert difference(first, first[:2]).psnr == 0.0


def test_colours_of_transparent_pixels_are_ignored_and_16_bits_are_measured_in_steps_of_255() -> None:
    first = np.zeros((2, 2, 4), np.uint16)
    second = first.copy()
    second[..., 0] = 65_535
    assert difference(first, second).largest == 0.0
    second[..., 3] = 257
    assert difference(first, second).largest == 1.0


def test_a_number_differs_by_its_share_and_a_text_by_all_of_it() -> None:
    assert difference(np.asarray(2.0), np.asarray(2.0)).is_none
    assert difference(np.asarray(2.0), np.asarray(1.0)).share == 0.5
    assert difference(np.asarray("ff"), np.asarray("fe")).share == 1.0
