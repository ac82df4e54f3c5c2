"""What docs/explanation/reproducibility.md says of pixels: of everything that makes them, and nothing below 50 dB unnamed."""

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
from core.pipelines.definition import load_folder, shipped
from pictureperfect.calibration.synthetic_images import KINDS

DOCUMENT = (Path(__file__).parents[3] / "docs" / "explanation" / "reproducibility.md").read_text(encoding="utf-8")
TWO = {"as it is": {}, "without": {"LESS": "1"}}


def rows(**worst: Difference) -> Rows:
    made = Rows(tuple(TWO))
    for name, found in worst.items():
        made.add("as it is", Part.OPERATION, name, Difference())
        made.add("without", Part.OPERATION, name, found)
    return made


def test_every_operation_decoder_encoder_and_pipeline_is_in_the_table_or_among_the_equal_ones() -> None:
    """`python -m benchmarks.same_pixels --write docs/explanation/reproducibility.md` puts it there."""
    wanted = {(Part.OPERATION, name) for name in OPERATIONS}
    wanted |= {(Part.DECODER, name) for name in KINDS}
    wanted |= {(Part.ENCODER, name) for name in pixel_cases.OUTPUTS}
    wanted |= {(Part.PIPELINE, name) for name in load_folder(shipped())}
    assert wanted - pixel_table.named(pixel_table.in_document(DOCUMENT)) == set()


def test_every_format_that_can_be_written_is_compared() -> None:
    assert {output.format for output, _ in pixel_cases.OUTPUTS.values()} == set(ImageFormat)


def test_the_docs_explain_every_environment_of_the_table() -> None:
    section = pixel_table.in_document(DOCUMENT)
    for name, environment in VARIATIONS.items():
        assert f"- {name}: " in section
        assert all(f"`{variable}={value}`" in section for variable, value in environment.items())


def test_what_differs_is_a_row_and_the_rest_is_listed() -> None:
    found = rows(blur=Difference(), resize=Difference(psnr=61.66, largest=1.0), turn=Difference(psnr=49.9, largest=7.0))
    text = pixel_table.markdown(found, TWO, "Here.")
    assert "| operation `resize` | 61.7 dB, 1 |" in text
    assert "1 of 3 give the same pixels" in text
    assert "Below 50 dB: operation `turn`." in text
    assert "Nothing at all differs with: as it is." in text
    assert pixel_table.named(text) == {(Part.OPERATION, name) for name in ("blur", "resize", "turn")}


def test_a_measurement_that_differs_is_listed_as_what_is_below() -> None:
    text = pixel_table.markdown(rows(sharpness=Difference(share=0.001)), TWO, "Here.")
    assert "| operation `sharpness` | 0.1 % |" in text
    assert "Below 50 dB: operation `sharpness`." in text


def test_the_section_is_replaced_and_nothing_else() -> None:
    text = pixel_table.markdown(rows(blur=Difference()), TWO, "Here.")
    written = pixel_table.replaced(DOCUMENT, text)
    assert pixel_table.in_document(written).strip() == text.strip()
    assert pixel_table.replaced(written, pixel_table.in_document(DOCUMENT).strip("\n") + "\n") == DOCUMENT
    with pytest.raises(ValueError, match="has no lines"):
        pixel_table.replaced("# Another document\n", text)


def test_one_step_in_every_second_value_is_51_decibels() -> None:
    first = np.full((4, 4, 3), 100, np.uint8)
    second = first.copy()
    second[::2] += 1
    assert difference(first, second).psnr == pytest.approx(51.14, abs=0.01)
    assert difference(first, second).largest == 1.0
    assert difference(first, first) == Difference(psnr=inf, largest=0.0, share=0.0)
    assert difference(first, first[:2]).psnr == 0.0


def test_colours_below_transparency_are_not_seen_and_sixteen_bits_are_told_in_steps_of_255() -> None:
    first = np.zeros((2, 2, 4), np.uint16)
    second = first.copy()
    second[..., 0] = 65_535
    assert difference(first, second).largest == 0.0
    second[..., 3] = 257
    assert difference(first, second).largest == 1.0


def test_what_was_measured_differs_by_its_share_and_a_text_by_all_of_it() -> None:
    assert difference(np.asarray(2.0), np.asarray(2.0)).is_none
    assert difference(np.asarray(2.0), np.asarray(1.0)).share == 0.5
    assert difference(np.asarray("ff"), np.asarray("fe")).share == 1.0
