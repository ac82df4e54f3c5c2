"""The catalogue of operations as one page: what each does, its parameters, and a picture before and after.

What is said of an operation is read from the operation itself: its docstring, its fields, and the `#:` comments over
these. The pictures go through the worker, as any image does, and into the page as data.
"""

import base64
import inspect
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import msgspec

from core.domain.model import Measurements, RenditionFile
from core.imaging.operations import OPERATIONS
from core.imaging.operations.base import Measurement, Operation
from core.pipelines.definition import Pipeline, load
from core.ports.worker import Worker
from pictureperfect.catalogue.operation_examples import EXAMPLES, Example
from pictureperfect.catalogue.operation_pictures import PICTURES
from pictureperfect.demo.painted_images import logo

_SECONDS = 120.0
# `word: what it means.`, to the end of its sentence.
_ITEM = re.compile(r"^(\w[\w-]*): (.+(?:(?<!\.)\n.+)*)", flags=re.MULTILINE)
_UNLIMITED = 2**31 - 1  # the largest number that OpenCV takes: no limit of the operation's own
_OUTPUT = "renditions: [{name: shown, outputs: [{format: webp, quality: 78}]}]"


@dataclass(frozen=True)
class Shown:
    """A picture before and after, as files, and what was measured on it."""

    picture: str
    before: RenditionFile
    after: RenditionFile
    measured: Measurements


@dataclass(frozen=True)
class Parameter:
    """`default` is as YAML has it: empty where the parameter is not given, None where it has to be."""

    name: str
    default: str | None
    words: str


def pipeline_of(example: Example, folder: Path) -> Pipeline:
    """The example as a pipeline; files it names lie in `folder`. Raises Misconfigured where it is none."""
    return load(f"steps:\n  - {example.step}\n{_OUTPUT}", str(folder / "example.yaml"))


def render(worker: Worker, folder: Path, progress: Callable[[], object]) -> dict[str, list[Shown]]:
    """Every example of the catalogue, by the operation's name; files are left in `folder`."""
    (folder / "logo.png").write_bytes(logo())
    plain = load(_OUTPUT, str(folder / "plain.yaml"))
    shown: dict[str, list[Shown]] = {}
    for name in sorted(OPERATIONS):
        pipeline = pipeline_of(EXAMPLES[name], folder)
        for picture in EXAMPLES[name].pictures:
            source = folder / f"{picture}.png"
            if not source.exists():
                PICTURES[picture]().save(source)
            deadline = time.monotonic() + _SECONDS
            header = worker.probe(source, deadline)
            files, measured = [], {}
            for kind, steps in (("before", plain), ("after", pipeline)):
                out = folder / f"{name}-{picture}-{kind}"
                out.mkdir()
                rendered = worker.run(source, header, steps, out, deadline)
                files.append(rendered.renditions[0])
                measured = rendered.measurements
            shown.setdefault(name, []).append(Shown(picture, files[0], files[1], measured))
        progress()
    return shown


def page(shown: Mapping[str, list[Shown]]) -> str:
    """The page: HTML that needs nothing but itself."""
    template = Path(__file__).with_suffix(".html").read_text("utf-8")
    links = "\n".join(f'<a href="#{name}">{name}</a>' for name in shown)
    cards = "\n".join(_card(name, OPERATIONS[name], pictures) for name, pictures in shown.items())
    return template.replace("{{count}}", str(len(shown))).replace("{{links}}", links).replace("{{cards}}", cards)


def _card(name: str, kind: type[Operation], pictures: Iterable[Shown]) -> str:
    measures = issubclass(kind, Measurement)
    first, *rest = inspect.cleandoc(kind.__doc__ or "").split("\n\n")
    figures = "".join(_measured(name, shown) if measures else _pair(shown) for shown in pictures)
    columns = len(EXAMPLES[name].pictures) if measures else 2
    rows = "".join(_row(parameter) for parameter in parameters(kind))
    return f"""<section id="{name}">
<h2><a href="#{name}">{name}</a></h2>
<p class="lead">{_prose(first)}</p>
<div class="pictures" style="--columns:{columns}">{figures}</div>
<pre><code>- {escape(EXAMPLES[name].step.removesuffix(": {}"))}</code></pre>
{_details(rows, rest)}
</section>"""


def _details(rows: str, paragraphs: Sequence[str]) -> str:
    if not rows and not paragraphs:
        return '<p class="none">No parameters</p>'
    words = " and ".join(["parameters"] * bool(rows) + ["details"] * bool(paragraphs)).capitalize()
    table = f"<table>{rows}</table>" if rows else ""
    return f"<details><summary>{words}</summary>{''.join(map(_paragraph, paragraphs))}{table}</details>"


def _pair(shown: Shown) -> str:
    """Both to the same scale, side by side."""
    widest = max(shown.before.width, shown.after.width)
    return "".join(
        f"<figure>{_image(file, f'{shown.picture}, {word}', widest)}"
        f"<figcaption>{word} · {file.width}\N{MULTIPLICATION SIGN}{file.height}</figcaption></figure>"
        for word, file in (("before", shown.before), ("after", shown.after))
    )


def _measured(name: str, shown: Shown) -> str:
    value = shown.measured[name]
    words = value if isinstance(value, str) else f"{value:.4g}"
    picture = _image(shown.before, shown.picture, shown.before.width)
    caption = f'{shown.picture.replace("-", " ")} <b class="value">{escape(words)}</b>'
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"


def _image(file: RenditionFile, alternative: str, widest: int) -> str:
    data = base64.b64encode(Path(file.path).read_bytes()).decode()
    width = 100 * file.width / widest
    return (
        f'<img src="data:image/webp;base64,{data}" alt="{escape(alternative)}" width="{file.width}" '
        f'height="{file.height}" style="width:{width:.4g}%" loading="lazy">'
    )


def _row(parameter: Parameter) -> str:
    default = "required" if parameter.default is None else f"<code>{escape(parameter.default)}</code>"
    if parameter.default == "":
        default = ""
    return f"<tr><th><code>{parameter.name}</code></th><td>{default}</td><td>{_prose(parameter.words)}</td></tr>"


def _prose(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


def listed(text: str) -> tuple[list[tuple[str, str]], str]:
    """The items of a paragraph that begins with lines of `word: meaning.`, and the text after them."""
    items = list(_ITEM.finditer(text))
    if len(items) < 2 or items[0].start():  # noqa: PLR2004 - one alone is a sentence with a colon
        return [], text
    return [(item[1], item[2]) for item in items], text[items[-1].end() :].strip()


def _paragraph(text: str) -> str:
    items, rest = listed(text)
    if not items:
        return f"<p>{_prose(text)}</p>"
    entries = "".join(f"<li><code>{word}</code> {_prose(meaning)}</li>" for word, meaning in items)
    return f"<ul>{entries}</ul>" + (f"<p>{_prose(rest)}</p>" if rest else "")


def parameters(kind: type[Operation]) -> Iterator[Parameter]:
    """Of one operation, in the order of its fields."""
    comments = _comments(kind)
    for field in msgspec.structs.fields(kind):
        default: str | None = None
        if not field.required:
            value: Any = msgspec.to_builtins(field.default)
            default = "" if value is None or value == "" else msgspec.json.encode(value).decode().strip('"')
        words = [comments.get(field.name, ""), limits(msgspec.inspect.type_info(field.type))]
        yield Parameter(field.name, default, " ".join(filter(None, words)))


def _comments(kind: type[Operation]) -> dict[str, str]:
    """The `#:` comments over the fields of a class, by field."""
    found: dict[str, str] = {}
    lines: list[str] = []
    for line in map(str.strip, inspect.getsource(kind).splitlines()):
        if line.startswith("#:"):
            lines.append(line[2:].strip())
        elif lines:
            found[line.partition(":")[0]] = " ".join(lines)
            lines = []
    return found


def limits(info: msgspec.inspect.Type) -> str:
    """What values a type takes, in words; nothing where that is not a matter of numbers or of a list."""
    match info:
        case msgspec.inspect.UnionType(types=types):
            return " ".join(filter(None, map(limits, types)))
        case msgspec.inspect.Metadata(type=inner):
            return limits(inner)
        case msgspec.inspect.LiteralType(values=values):
            return f"One of {', '.join(f'`{value}`' for value in values)}."
        case msgspec.inspect.EnumType(cls=kind):
            return f"One of {', '.join(f'`{member.value}`' for member in kind)}."
        case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
            return _range(info)
    return ""


def _range(info: msgspec.inspect.IntType | msgspec.inspect.FloatType) -> str:
    """`1 to 255.`, `More than 0, at most 1.` or `0 or more.`; empty without both limits."""
    if info.le is None or (info.ge is None and info.gt is None):
        return ""
    if info.le >= _UNLIMITED:
        return f"{info.ge:,} or more." if info.gt is None else f"More than {info.gt:,}."
    return f"{info.ge:,} to {info.le:,}." if info.gt is None else f"More than {info.gt:,}, at most {info.le:,}."
