"""The examples of the operations page, and the parameters that it reads from the operations."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from core.imaging.operations import OPERATIONS
from core.imaging.operations.base import Gravity, Measurement, Operation
from pictureperfect.catalogue.operation_examples import EXAMPLES
from pictureperfect.catalogue.operation_page import limits, parameters, pipeline_of
from pictureperfect.catalogue.operation_pictures import PICTURES
from pictureperfect.demo.painted_images import paint_logo


def test_every_operation_has_an_example_and_every_example_an_operation() -> None:
    """Add the example of a new operation to pictureperfect/catalogue/operation_examples.py."""
    assert set(EXAMPLES) == set(OPERATIONS)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_a_pipeline_of_that_one_step(name: str, tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(paint_logo())
    (step,) = pipeline_of(EXAMPLES[name], tmp_path).steps
    assert type(step) is OPERATIONS[name]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_shown_on_pictures_that_exist_and_a_measurement_on_several(name: str) -> None:
    pictures = EXAMPLES[name].pictures
    assert set(pictures) <= set(PICTURES)
    assert len(pictures) > (1 if issubclass(OPERATIONS[name], Measurement) else 0)


class Painted(Operation, frozen=True, tag="painted", kw_only=True):
    """An operation that is not in the catalogue."""

    #: How wide,
    #: at most.
    width: Annotated[int, Meta(ge=1, le=65_536)]
    plain: bool = True
    #: Where.
    gravity: Gravity | None = None
    #: Share.
    share: Annotated[float, Meta(gt=0, le=1)] | None = None


def test_parameters_carry_the_comments_over_them_and_their_limits() -> None:
    width, plain, gravity, share = parameters(Painted)
    assert (width.default, width.description) == (None, "How wide, at most. 1 to 65,536.")
    assert (plain.default, plain.description) == ("true", "")
    assert (gravity.default, gravity.description[:28]) == ("", "Where. One of `center`, `nor")
    assert share.description == "Share. More than 0, at most 1."


def test_every_picture_is_shown() -> None:
    assert {picture for example in EXAMPLES.values() for picture in example.pictures} == set(PICTURES)


def test_the_values_of_a_literal_are_listed() -> None:
    assert limits(msgspec.inspect.type_info(Literal[3, 5])) == "One of `3`, `5`."


def test_a_type_without_limits_has_no_text() -> None:
    assert limits(msgspec.inspect.type_info(str)) == ""
    assert limits(msgspec.inspect.type_info(float)) == ""
