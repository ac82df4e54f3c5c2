"""The tables of an image's codes in docs/reference/codes.md, from `core.domain.error_code_help`."""

import re
from functools import partial

from core.domain.error_code_help import explain
from core.domain.errors import Code
from core.ports.metric_catalogue import ENDED
from tools.docs.section import Section, table

#: From this code on, the image's run is the cause and no longer its file; the order is that of `Code`.
_FIRST_OF_RUN = Code.OPERATION_FAILED
#: Names of variables and prefixes, which are code in Markdown.
_CODE = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b|\b[a-z]+/(?!\w)")


def render(codes: tuple[Code, ...]) -> str:
    """A table with a row for each code."""
    rows = []
    for code in codes:
        texts = explain(code)
        rows.append((f"`{code}`", *(_CODE.sub(r"`\g<0>`", text) for text in (texts.cause, texts.advice))))
    return table(("code", "what happened", "what to do"), rows)


_ENDING = [code for code in Code if code in ENDED.values]
_RUN = _ENDING.index(_FIRST_OF_RUN)
SECTIONS = tuple(
    Section("reference/codes.md", mark, partial(render, tuple(codes)))
    for mark, codes in (("image", _ENDING[:_RUN]), ("run", _ENDING[_RUN:]))
)
