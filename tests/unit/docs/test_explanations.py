"""What a code means is said in docs/reference/codes.md and in the report with the same words."""

import re
from pathlib import Path

from core.domain.code_help import _EXPLANATIONS, explain
from core.domain.errors import Code
from core.ports.metric_catalogue import ENDED

DOCUMENT = (Path(__file__).parents[3] / "docs" / "reference" / "codes.md").read_text(encoding="utf-8")


def test_the_words_are_those_of_the_document() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| (.+?) \| (.+?) \|$", DOCUMENT, re.MULTILINE)
    documented = {code: (cause.replace("`", ""), advice.replace("`", "")) for code, cause, advice in rows}
    for code in _EXPLANATIONS:
        assert (explain(code).cause, explain(code).advice) == documented[code]


def test_every_code_that_an_image_ends_with_is_explained() -> None:
    assert {str(code) for code in _EXPLANATIONS} == set(ENDED.values) & set(Code)


def test_a_code_of_a_later_release_is_said_as_it_is() -> None:
    assert "melted" in explain("melted").cause
