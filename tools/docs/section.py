"""A section of a document that is made from code: a whole file, or the text between two marks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


@dataclass(frozen=True)
class Section:
    """`file` is relative to docs/. `render` makes the text between the marks; without a `mark`, the whole file."""

    file: str
    mark: str
    render: Callable[[], str]

    @property
    def name(self) -> str:
        return f"{self.file}#{self.mark}" if self.mark else self.file

    @property
    def path(self) -> Path:
        return DOCS / self.file

    def current(self) -> str:
        """The present text of the section. Raises ValueError without the marks."""
        document = self.path.read_text("utf-8")
        return between(document, self.mark) if self.mark else document

    def is_fresh(self) -> bool:
        return self.current() == self.render()

    def write(self) -> None:
        """Raises ValueError without the marks."""
        text = self.render()
        if self.mark:
            text = replace_between(self.path.read_text("utf-8"), self.mark, text)
        self.path.write_text(text, "utf-8")


def between(document: str, mark: str) -> str:
    """The text between `<!-- mark: begin -->` and `<!-- mark: end -->`, without its last line break."""
    return _split(document, mark)[1]


def replace_between(document: str, mark: str, text: str) -> str:
    """The document with `text` between the marks. Raises ValueError without the marks."""
    before, _, after = _split(document, mark)
    return f"{before}{text}\n{after}"


def _split(document: str, mark: str) -> tuple[str, str, str]:
    begin, end = f"<!-- {mark}: begin -->\n", f"\n<!-- {mark}: end -->"
    before, begun, rest = document.partition(begin)
    text, ended, after = rest.partition(end)
    if not (begun and ended):
        raise ValueError(f"The document has no lines {begin.strip()} and {end.strip()}.")
    return before + begin, text, end.lstrip("\n") + after


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], right: frozenset[int] = frozenset()) -> str:
    """A Markdown table; the columns numbered in `right` are aligned to the right."""
    rule = ("--:" if number in right else "---" for number in range(len(head)))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))
