"""Errors: the tree of exceptions and the closed list of codes, and their documentation."""

import pickle
import re
from pathlib import Path

import pytest

from core.domain import errors
from core.domain.errors import Code, PicturePerfectError

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "codes.md"


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    drawn = re.findall(r"^(?:├──|└──) (\w+)", errors.__doc__ or "", re.MULTILINE)
    classes = [name for name, value in vars(errors).items() if _is_leaf(value)]
    assert drawn == classes


def _is_leaf(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, PicturePerfectError) and value is not PicturePerfectError


def test_every_code_is_explained_and_no_other_is() -> None:
    explained = re.findall(r"^\| `([a-z_]+)` \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(explained) == sorted(Code)


@pytest.mark.parametrize("kind", [errors.ImageFailure, errors.Refusal, errors.Unavailable, errors.Misconfigured])
def test_an_error_shows_its_code_and_survives_a_pipe(kind: type[PicturePerfectError]) -> None:
    error = pickle.loads(pickle.dumps(kind(Code.TIMED_OUT, "It took too long.")))  # noqa: S301 - our own
    assert type(error) is kind
    assert str(error) == "timed_out: It took too long."
