"""Every code that an image can end with is explained; docs/reference/codes.md is made from the explanations."""

from core.domain.error_code_help import _EXPLANATIONS, explain
from core.domain.errors import Code
from core.ports.metric_catalogue import ENDED


def test_every_code_that_an_image_ends_with_is_explained() -> None:
    assert {str(code) for code in _EXPLANATIONS} == set(ENDED.values) & set(Code)


def test_an_unknown_code_of_a_later_release_is_named() -> None:
    assert "melted" in explain("melted").cause
