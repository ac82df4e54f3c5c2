"""A pipeline: a named list of steps, and the renditions that leave from its end.

Pipelines are YAML files, one each, named by their file. They are validated when loaded; what is wrong is
reported with file, line and field, all faults of a file at once. docs/reference/pipelines.md shows how they are written.
"""

from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from core.domain.errors import Code, Misconfigured
from core.domain.model import ImageHeader, Value
from core.domain.outputs import ANIMATED, Automatic, Output
from core.imaging.operations import OPERATIONS, Catalogue
from core.imaging.operations.base import Operation
from core.imaging.operations.custom_operation import versions

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


_ANIMATIONS = {"gif", "png", "webp", "avif"}  # as ImageHeader says them
_OUTPUTS = {"auto": Automatic}


class FrameSelection(StrEnum):
    """What is taken of an image that has several frames or pages."""

    ALL = "all"
    FIRST = "first"


class RenditionSpec(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One picture that leaves the pipeline: more steps after the shared ones, then one or more encodings."""

    #: Lower-case letters, digits and hyphens; with the format it names the rendition.
    name: Name
    #: What is done for this rendition alone.
    steps: tuple[Operation, ...] = ()
    #: The files that are written.
    outputs: Annotated[tuple[Output | Automatic, ...], Meta(min_length=1)]


class Pipeline(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Decode once, do `steps` once, then each rendition from there."""

    name: Name
    #: A sentence for people.
    description: str = ""
    #: What is done once, for all renditions.
    steps: tuple[Operation, ...] = ()
    #: What leaves.
    renditions: Annotated[tuple[RenditionSpec, ...], Meta(min_length=1)]
    #: Of an animation all frames, where the output's format can hold them; or only the first.
    frames: FrameSelection = FrameSelection.ALL
    #: Of a TIFF only the first page; or all, in one file where that is a TIFF, else in one file each.
    pages: FrameSelection = FrameSelection.FIRST

    @property
    def company_operations(self) -> dict[str, str]:
        """The company's own operations in it, each with its package's version."""
        return versions(step for steps in (self.steps, *(spec.steps for spec in self.renditions)) for step in steps)

    @property
    def takes_frames(self) -> bool:
        """Whether the frames of an animation would be kept."""
        outputs = (output for rendition in self.renditions for output in rendition.outputs)
        formats = {candidate.format for output in outputs for candidate in output.candidates}
        return self.frames is FrameSelection.ALL and bool(formats & ANIMATED)

    def frames_of(self, header: ImageHeader) -> int:
        """How many frames of an animation are decoded; 1 where the first alone is, and for any other image."""
        return header.frames if header.format in _ANIMATIONS and self.takes_frames else 1

    def pages_of(self, header: ImageHeader) -> int:
        """How many pages of a TIFF are decoded; 1 for any other image."""
        return header.frames if header.format == "tiff" and self.pages is FrameSelection.ALL else 1


def shipped() -> Path:
    """The folder of the pipelines that come with the product."""
    return Path(__file__).parent / "shipped"


def load_folder(folder: Path, catalogue: Catalogue = OPERATIONS) -> dict[str, Pipeline]:
    """All pipelines of a folder, its `*.yaml` files, by name.

    Raises Misconfigured(INVALID_PIPELINE) with the faults of all files, or where there is no pipeline.
    """
    pipelines, faults = {}, []
    for path in sorted(folder.glob("*.yaml")):
        try:
            pipelines[path.stem] = load(path.read_text("utf-8"), str(path), catalogue)
        except UnicodeDecodeError:
            faults.append(f"{path}: not UTF-8 text")
        except OSError as error:  # a folder of that name, a link to nowhere
            faults.append(f"{path}: {error.strerror}")
        except Misconfigured as error:
            faults.append(error.message)
    if not pipelines and not faults:
        faults.append(f"{folder}: there is no pipeline here; pipelines are files named *.yaml")
    if faults:
        raise Misconfigured(Code.INVALID_PIPELINE, "\n".join(faults))
    return pipelines


def load(text: str, file: str, catalogue: Catalogue = OPERATIONS) -> Pipeline:
    """The pipeline that `text` describes; `file` names it, and the folder of the files that steps refer to.

    Raises Misconfigured(INVALID_PIPELINE): one line per fault, `file:line: field: what is wrong`.
    """
    from core.pipelines.loader import parse  # noqa: PLC0415 - the worker's child reads no YAML

    return parse(text, file, catalogue)


def to_bytes(pipeline: Pipeline) -> bytes:
    """The pipeline as msgpack, for the worker's child."""
    return msgspec.msgpack.encode(pipeline)


def from_bytes(content: bytes, catalogue: Catalogue = OPERATIONS) -> Pipeline:
    """What `to_bytes` wrote, of operations of the same catalogue."""
    fields = msgspec.msgpack.decode(content)
    fields["steps"] = _operations(fields["steps"], catalogue)
    for rendition in fields["renditions"]:
        rendition["steps"] = _operations(rendition["steps"], catalogue)
        rendition["outputs"] = tuple(msgspec.convert(item, kind_of(item)) for item in rendition["outputs"])
    fields["renditions"] = tuple(RenditionSpec(**rendition) for rendition in fields["renditions"])
    fields |= {name: FrameSelection(fields[name]) for name in ("frames", "pages")}
    return Pipeline(**fields)


def kind_of(output: dict[str, Any]) -> type[Output | Automatic]:
    """What the fields of an output are those of."""
    return _OUTPUTS.get(output.get("format", ""), Output)


def _operations(steps: list[dict[str, Any]], catalogue: Catalogue) -> tuple[Operation, ...]:
    return tuple(msgspec.convert(step, catalogue[step["operation"]]) for step in steps)


def nearest(name: str, names: list[str]) -> str:
    """`; did you mean …?`, or all names where none is near."""
    close = get_close_matches(name, names, n=1)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(names))}"
