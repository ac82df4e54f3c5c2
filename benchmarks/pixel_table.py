"""The table of benchmarks.same_pixels in docs/explanation/reproducibility.md."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from benchmarks.pixel_cases import Part
from benchmarks.pixel_differences import Difference

#: PSNR in dB below which a difference may be visible: the table lists such cases by name.
VISIBLE_DB = 50.0
#: The document's section that `markdown` makes.
MARK = "pixels"
_CELLS = "Each cell has the lowest PSNR in dB and the largest difference of a value in steps of 255; = means equal:"
_PLURALS = {
    Part.OPERATION: "Operations",
    Part.DECODER: "Decoders",
    Part.ENCODER: "Encoders",
    Part.PIPELINE: "Pipelines",
}


@dataclass(frozen=True)
class Rows:
    """The worst difference of each (part, name) in each variation."""

    variations: tuple[str, ...]
    worst: dict[tuple[Part, str], dict[str, Difference]] = field(default_factory=dict)

    def add(self, variation: str, part: Part, name: str, difference: Difference) -> None:
        row = self.worst.setdefault((part, name), dict.fromkeys(self.variations, Difference()))
        row[variation] = row[variation].worst(difference)

    def overall(self, part: Part, name: str) -> Difference:
        result = Difference()
        for difference in self.worst[part, name].values():
            result = result.worst(difference)
        return result


def markdown(rows: Rows, environments: Mapping[str, Mapping[str, str]], machine: str) -> str:
    """The Markdown: differences in a table, equal cases in lists. `machine` is a sentence about the machine."""
    equal = [key for key in rows.worst if rows.overall(*key).is_none]
    different = [key for key in rows.worst if key not in equal]
    shown = [name for name in rows.variations if not all(rows.worst[key][name].is_none for key in different)]
    equal_everywhere = [name for name in rows.variations if name not in shown]
    below = [key for key in different if _is_visible(rows.overall(*key))]
    lines = [
        f"{machine}\n",
        f"{len(equal)} of {len(rows.worst)} give the same pixels in every environment; the table has the others.",
        f"{_CELLS}\n",
        f"| | {' | '.join(shown)} |\n| --- |{' --- |' * len(shown)}",
        *(_row(key, [rows.worst[key][name] for name in shown]) for key in different),
        "",
        f"Below {VISIBLE_DB:.0f} dB: {', '.join(f'{part} `{name}`' for part, name in below) or 'none'}.\n",
        *(_equal_line(part, [name for of, name in equal if of is part]) for part in Part),
    ]
    if equal_everywhere:
        lines.append(f"Without any difference: {'; '.join(equal_everywhere)}.\n")
    lines += ["The environments:\n", *(_environment_line(name, environments[name]) for name in rows.variations)]
    return "\n".join(lines) + "\n"


def cases_of(text: str) -> set[tuple[Part, str]]:
    """The cases in `text`: the rows of its table, and those listed as equal."""
    cases = {(Part(part), name) for part, name in re.findall(r"^\| (\w+) `([^`]+)` \|", text, re.MULTILINE)}
    for part, word in _PLURALS.items():
        for listed in re.findall(rf"^{word} with the same pixels: (.*)$", text, re.MULTILINE):
            cases |= {(part, name) for name in re.findall("`([^`]+)`", listed)}
    return cases


def _is_visible(difference: Difference) -> bool:
    return difference.psnr < VISIBLE_DB or difference.share > 0


def _row(key: tuple[Part, str], cells: list[Difference]) -> str:
    part, name = key
    return f"| {part} `{name}` | {' | '.join(map(_cell, cells))} |"


def _cell(difference: Difference) -> str:
    if difference.is_none:
        return "="
    parts = [f"{difference.psnr:.1f} dB, {difference.largest:.2g}"] if difference.psnr < inf else []
    parts += [f"{100 * difference.share:.2g} %"] if difference.share else []
    return "; ".join(parts)


def _equal_line(part: Part, names: list[str]) -> str:
    return f"{_PLURALS[part]} with the same pixels: {', '.join(f'`{name}`' for name in names) or 'none'}.\n"


def _environment_line(name: str, environment: Mapping[str, str]) -> str:
    return f"- {name}: {', '.join(f'`{variable}={value}`' for variable, value in environment.items())}"
