"""The table of formats in docs/reference/formats.md, from files that Pillow writes here and now."""

from pictureperfect.catalogue import format_table
from tools.docs.section import Section, table


def render() -> str:
    """A row for each format. The same on every machine that has the pinned Pillow."""
    rows = []
    for row in format_table.rows():
        reasons: dict[str, list[str]] = {}
        for mode, reason in row.refused:
            reasons.setdefault(reason, []).append(mode)
        refused = "; ".join(f"{', '.join(modes)}: {reason}" for reason, modes in reasons.items())
        rows.append((row.format, row.extension, ", ".join(row.comes_in), refused or row.note))
    return table(("format", "file", "accepted", "refused, with the reason"), rows)


SECTION = Section("reference/formats.md", "formats", render)
