"""A pipeline's YAML file, field by field, every fault with its line."""

from pathlib import Path
from typing import Any

import msgspec

from core.domain.errors import Code, Misconfigured
from core.domain.model import ImageFormat
from core.domain.object_keys import NO_PIPELINE
from core.domain.outputs import Automatic, Output
from core.imaging.operations import Catalogue
from core.imaging.operations.base import Measurement, Operation
from core.pipelines.definition import FrameSelection, Name, Pipeline, RenditionSpec, kind_of, nearest
from core.pipelines.located_yaml import Located, YamlFault, read


def parse(text: str, file: str, catalogue: Catalogue) -> Pipeline:
    """See core.pipelines.definition.load."""
    reader = _Reader(Path(file), catalogue)
    try:
        document, doubled = read(text)
    except YamlFault as fault:
        raise Misconfigured(Code.INVALID_PIPELINE, f"{file}:{fault.line}: {fault}") from fault
    reader.faults += doubled
    pipeline = reader.pipeline(document)
    if pipeline is None or reader.faults:
        lines = [f"{file}:{line}: {message}" for line, message in sorted(reader.faults)]
        raise Misconfigured(Code.INVALID_PIPELINE, "\n".join(lines))
    return pipeline


class _Reader:
    """Walks one document. What is wrong is noted in `faults`, and None stands in its place."""

    def __init__(self, file: Path, catalogue: Catalogue) -> None:
        self.file = file
        self.catalogue = catalogue
        self.faults: list[tuple[int, str]] = []

    def pipeline(self, node: Located) -> Pipeline | None:
        before = len(self.faults)
        known = ["description", "frames", "pages", "steps", "renditions"]
        fields = self._fields(node, "", known, required=["renditions"])
        name = self._value(Located(self.file.stem, 1), Name, "the file's name")
        if name == NO_PIPELINE:
            self._fault(Located("", 1), "the file's name", f"{NO_PIPELINE} stands for what is no pipeline")
        description = self._value(fields.get("description", Located("", 1)), str, "description")
        frames = self._value(fields.get("frames", Located("all", 1)), FrameSelection, "frames")
        pages = self._value(fields.get("pages", Located("first", 1)), FrameSelection, "pages")
        steps = self._steps(fields.get("steps"), "steps")
        renditions = [
            self._rendition(item, f"renditions[{at}]")
            for at, item in enumerate(self._list(fields.get("renditions"), "renditions", least=1))
        ]
        self._refuse_same_names(renditions, fields.get("renditions"))
        if pages is FrameSelection.ALL:
            self._refuse_names_of_pages(renditions, fields.get("renditions"))
        if len(self.faults) > before:
            return None
        kept = tuple(rendition for rendition in renditions if rendition is not None)
        return Pipeline(name=name, description=description, steps=steps, renditions=kept, frames=frames, pages=pages)

    def _rendition(self, node: Located, field: str) -> RenditionSpec | None:
        before = len(self.faults)
        fields = self._fields(node, field, ["name", "steps", "outputs"], required=["name", "outputs"])
        name = self._value(fields["name"], Name, f"{field}.name") if "name" in fields else None
        steps = self._steps(fields.get("steps"), f"{field}.steps")
        outputs = [
            self._output(item, f"{field}.outputs[{at}]")
            for at, item in enumerate(self._list(fields.get("outputs"), f"{field}.outputs", least=1))
        ]
        if len(self.faults) > before:
            return None
        return RenditionSpec(name=str(name), steps=steps, outputs=tuple(filter(None, outputs)))

    def _output(self, node: Located, field: str) -> Output | Automatic | None:
        written = node.plain()
        output: Output | Automatic | None = self._struct(
            node, kind_of(written) if isinstance(written, dict) else Output, field
        )
        return output

    def _steps(self, node: Located | None, field: str) -> tuple[Operation, ...]:
        steps, measured = [], set()
        for at, item in enumerate(self._list(node, field)):
            step = self._step(item, f"{field}[{at}]")
            if isinstance(step, Measurement):
                if type(step) in measured:
                    name = type(step).__struct_config__.tag
                    self._fault(item, f"{field}[{at}]", f"there is a second {name} here; its result has one place")
                measured.add(type(step))
            if step is not None:
                steps.append(step)
        return tuple(steps)

    def _step(self, node: Located, field: str) -> Operation | None:
        """`- name: {parameters}`, or `- name` where there are none to give."""
        if isinstance(node.value, str):
            name, parameters = node.value, Located({}, node.line)
        elif isinstance(node.value, dict) and len(node.value) == 1:
            ((name, parameters),) = node.value.items()
        else:
            self._fault(node, field, "a step is one operation's name with its parameters: `- resize: {width: 480}`")
            return None
        kind = self.catalogue.get(name)
        if kind is None:
            self._fault(node, field, f"there is no operation {name}; {nearest(name, list(self.catalogue))}")
            return None
        if parameters.value is None:
            parameters = Located({}, parameters.line)
        operation = self._struct(parameters, kind, f"{field}.{name}")
        if operation is None:
            return None
        try:
            resolved: Operation = operation.resolved(self.file.parent)
        except ValueError as error:
            self._fault(parameters, f"{field}.{name}", str(error))
            return None
        return resolved

    def _struct(self, node: Located, kind: type[Any], field: str) -> Any:  # noqa: ANN401 - an instance of `kind`
        """Each field by itself, so that all that are wrong are named; then all together."""
        before = len(self.faults)
        known = msgspec.structs.fields(kind)
        required = [item.encode_name for item in known if item.required]
        fields = self._fields(node, field, [item.encode_name for item in known], required)
        for item in known:
            if item.encode_name in fields:
                self._value(fields[item.encode_name], item.type, f"{field}.{item.encode_name}")
        if len(self.faults) > before:
            return None
        plain = {name: value.plain() for name, value in fields.items()}
        try:
            return msgspec.convert(plain, kind)
        except msgspec.ValidationError as error:
            self._fault(node, field, str(error))
            return None

    def _fields(self, node: Located, field: str, known: list[str], required: list[str]) -> dict[str, Located]:
        if not isinstance(node.value, dict):
            self._fault(node, field, "expected fields, `name: value`")
            return {}
        prefix = f"{field}." if field else ""
        for name, value in node.value.items():
            if name not in known:
                self._fault(value, f"{prefix}{name}", f"there is no such field; {nearest(name, known)}")
        for name in required:
            if name not in node.value:
                self._fault(node, f"{prefix}{name}", "is missing")
        return node.value

    def _list(self, node: Located | None, field: str, least: int = 0) -> list[Located]:
        if node is None:
            return []
        if not isinstance(node.value, list) or len(node.value) < least:
            self._fault(node, field, "expected a list" + (f" of {least} or more" if least else ""))
            return []
        return node.value

    def _value(self, node: Located, kind: Any, field: str) -> Any:  # noqa: ANN401 - a type, and a value of it
        try:
            return msgspec.convert(node.plain(), kind)
        except msgspec.ValidationError as error:
            self._fault(node, field, str(error))
            return None

    def _fault(self, node: Located, field: str, message: str) -> None:
        self.faults.append((node.line, f"{field}: {message}" if field else message))

    def _refuse_same_names(self, renditions: list[RenditionSpec | None], node: Located | None) -> None:
        """Name and format are what a file is known by; what may be chosen counts as what is."""
        seen: set[tuple[str, ImageFormat]] = set()
        for at, rendition in enumerate(renditions):
            for output in rendition.outputs if rendition else ():
                keys = {(rendition.name, item.format) for item in output.candidates} if rendition else set()
                for name, form in sorted(keys & seen):
                    why = f"there is a second {name} in {form.value}"
                    if isinstance(output, Automatic):
                        why = f"auto may choose {form.value}, and there is another {name} that is or may be in it"
                    if node:
                        self._fault(node.value[at], f"renditions[{at}]", why)
                seen |= keys

    def _refuse_names_of_pages(self, renditions: list[RenditionSpec | None], node: Located | None) -> None:
        """The pages after the first are named by the rendition and their number."""
        names = {rendition.name for rendition in renditions if rendition}
        for at, rendition in enumerate(renditions):
            stem, _, number = rendition.name.rpartition("-") if rendition else ("", "", "")
            if stem in names and number.isdecimal() and node:
                self._fault(node.value[at], f"renditions[{at}].name", f"a page of {stem} would have this name too")
