"""The page of image operations: description, parameters, and a picture before and after.

The texts are the operation's docstring, its fields and the `#:` comments above them. The worker processes the pictures
like any image; the page holds them as data URLs.
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
from core.pipelines.definition import Pipeline
from core.pipelines.loader import load
from core.ports.worker import Worker
from pictureperfect.catalogue.operation_examples import EXAMPLES, Example
from pictureperfect.catalogue.operation_pictures import PICTURES
from pictureperfect.demo.painted_images import paint_logo

_SECONDS = 120.0  # for one picture
# `word: meaning.`, to the end of its sentence.
_ITEM = re.compile(r"^(\w[\w-]*): (.+(?:(?<!\.)\n.+)*)", flags=re.MULTILINE)
_UNLIMITED = 2**31 - 1  # the largest number that OpenCV takes: no limit of the operation's own
_OUTPUT = "renditions: [{name: shown, outputs: [{format: webp, quality: 78}]}]"


@dataclass(frozen=True)
class RenderedExample:
    """A picture's files before and after an operation, and its measurements."""

    picture: str
    before: RenditionFile
    after: RenditionFile
    measured: Measurements


@dataclass(frozen=True)
class Parameter:
    """`default` is as in YAML: empty for an optional parameter, None for a required one."""

    name: str
    default: str | None
    description: str


def pipeline_of(example: Example, folder: Path) -> Pipeline:
    """The example as a pipeline that finds its files in `folder`. Raises Misconfigured."""
    return load(f"steps:\n  - {example.step}\n{_OUTPUT}", str(folder / "example.yaml"))


def render_examples(worker: Worker, folder: Path, progress: Callable[[], object]) -> dict[str, list[RenderedExample]]:
    """Process every example; results by the operation's name, with their files in `folder`."""
    (folder / "logo.png").write_bytes(paint_logo())
    plain = load(_OUTPUT, str(folder / "plain.yaml"))
    shown: dict[str, list[RenderedExample]] = {}
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
            shown.setdefault(name, []).append(RenderedExample(picture, files[0], files[1], measured))
        progress()
    return shown


def render_page(shown: Mapping[str, list[RenderedExample]]) -> str:
    """The page as HTML without external files."""
    template = Path(__file__).with_suffix(".html").read_text("utf-8")
    links = "\n".join(f'<a href="#{name}">{name}</a>' for name in shown)
    cards = "\n".join(_card(name, OPERATIONS[name], pictures) for name, pictures in shown.items())
    return template.replace("{{count}}", str(len(shown))).replace("{{links}}", links).replace("{{cards}}", cards)


def _card(name: str, kind: type[Operation], pictures: Iterable[RenderedExample]) -> str:
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
    summary = " and ".join(["parameters"] * bool(rows) + ["details"] * bool(paragraphs)).capitalize()
    table = f"<table>{rows}</table>" if rows else ""
    return f"<details><summary>{summary}</summary>{''.join(map(_paragraph, paragraphs))}{table}</details>"


def _pair(shown: RenderedExample) -> str:
    """Both pictures side by side, to the same scale."""
    widest = max(shown.before.width, shown.after.width)
    return "".join(
        f"<figure>{_image(file, f'{shown.picture}, {word}', widest)}"
        f"<figcaption>{word} · {file.width}\N{MULTIPLICATION SIGN}{file.height}</figcaption></figure>"
        for word, file in (("before", shown.before), ("after", shown.after))
    )


def _measured(name: str, shown: RenderedExample) -> str:
    value = shown.measured[name]
    text = value if isinstance(value, str) else f"{value:.4g}"
    picture = _image(shown.before, shown.picture, shown.before.width)
    caption = f'{shown.picture.replace("-", " ")} <b class="value">{escape(text)}</b>'
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
    return f"<tr><th><code>{parameter.name}</code></th><td>{default}</td><td>{_prose(parameter.description)}</td></tr>"


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
    """The parameters of an operation, in the order of its fields."""
    comments = field_comments(kind)
    for field in msgspec.structs.fields(kind):
        default: str | None = None
        if not field.required:
            value: Any = msgspec.to_builtins(field.default)
            default = "" if value is None or value == "" else msgspec.json.encode(value).decode().strip('"')
        sentences = [comments.get(field.name, ""), limits(msgspec.inspect.type_info(field.type))]
        yield Parameter(field.name, default, " ".join(filter(None, sentences)))


def field_comments(kind: type[Operation]) -> dict[str, str]:
    """The `#:` comments above the fields of a class, by field."""
    comments: dict[str, str] = {}
    lines: list[str] = []
    for line in map(str.strip, inspect.getsource(kind).splitlines()):
        if line.startswith("#:"):
            lines.append(line[2:].strip())
        elif lines:
            comments[line.partition(":")[0]] = " ".join(lines)
            lines = []
    return comments


def limits(info: msgspec.inspect.Type) -> str:
    """The values that a type takes, as a sentence; empty for types that are neither numbers nor lists of values."""
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
