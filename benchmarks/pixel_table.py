"""The measurements of `benchmarks.same_pixels` as the table in docs/explanation/reproducibility.md."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from benchmarks.pixel_cases import Part
from benchmarks.pixel_differences import Difference

#: Below so many dB what differs may be seen; promise 3 lists it by name.
LEAST = 50.0
#: The document's section, whose text `markdown` makes.
MARK = "pixels"
_CELLS = (
    "Of each the lowest PSNR in dB, and the largest difference of any value, in steps of 255; = where there is none:"
)
_MANY = {Part.OPERATION: "Operations", Part.DECODER: "Decoders", Part.ENCODER: "Encoders", Part.PIPELINE: "Pipelines"}


@dataclass(frozen=True)
class Rows:
    """By part and name, the worst difference in each variation."""

    variations: tuple[str, ...]
    worst: dict[tuple[Part, str], dict[str, Difference]] = field(default_factory=dict)

    def add(self, variation: str, part: Part, name: str, found: Difference) -> None:
        row = self.worst.setdefault((part, name), dict.fromkeys(self.variations, Difference()))
        row[variation] = row[variation].worst(found)

    def overall(self, part: Part, name: str) -> Difference:
        result = Difference()
        for found in self.worst[part, name].values():
            result = result.worst(found)
        return result


def markdown(rows: Rows, environments: Mapping[str, Mapping[str, str]], where: str) -> str:
    """Sentences, the table of what differs at all, and what stands for what. `where` is a sentence on the machine."""
    equal = [key for key in rows.worst if rows.overall(*key).is_none]
    apart = [key for key in rows.worst if key not in equal]
    shown = [name for name in rows.variations if not all(rows.worst[key][name].is_none for key in apart)]
    silent = [name for name in rows.variations if name not in shown]
    below = [key for key in apart if _is_below(rows.overall(*key))]
    lines = [
        f"{where}\n",
        f"{len(equal)} of {len(rows.worst)} give the same pixels in every environment, and these do not. {_CELLS}\n",
        f"| | {' | '.join(shown)} |\n| --- |{' --- |' * len(shown)}",
        *(_row(key, [rows.worst[key][name] for name in shown]) for key in apart),
        "",
        f"Below {LEAST:.0f} dB: {', '.join(f'{part} `{name}`' for part, name in below) or 'none'}.\n",
        *(_listed(part, [name for of, name in equal if of is part]) for part in Part),
    ]
    if silent:
        lines.append(f"Nothing at all differs with: {'; '.join(silent)}.\n")
    lines += ["What the environments are:\n", *(_explained(name, environments[name]) for name in rows.variations)]
    return "\n".join(lines) + "\n"


def named(text: str) -> set[tuple[Part, str]]:
    """All that `text` says something of: the rows of its table, and what it lists as equal."""
    found = {(Part(part), name) for part, name in re.findall(r"^\| (\w+) `([^`]+)` \|", text, re.MULTILINE)}
    for part, word in _MANY.items():
        for listed in re.findall(rf"^{word} with the same pixels: (.*)$", text, re.MULTILINE):
            found |= {(part, name) for name in re.findall("`([^`]+)`", listed)}
    return found


def _is_below(found: Difference) -> bool:
    return found.psnr < LEAST or found.share > 0


def _row(key: tuple[Part, str], cells: list[Difference]) -> str:
    part, name = key
    return f"| {part} `{name}` | {' | '.join(map(_cell, cells))} |"


def _cell(found: Difference) -> str:
    if found.is_none:
        return "="
    parts = [f"{found.psnr:.1f} dB, {found.largest:.2g}"] if found.psnr < inf else []
    parts += [f"{100 * found.share:.2g} %"] if found.share else []
    return "; ".join(parts)


def _listed(part: Part, names: list[str]) -> str:
    return f"{_MANY[part]} with the same pixels: {', '.join(f'`{name}`' for name in names) or 'none'}.\n"


def _explained(name: str, environment: Mapping[str, str]) -> str:
    return f"- {name}: {', '.join(f'`{variable}={value}`' for variable, value in environment.items())}"
