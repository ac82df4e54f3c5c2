"""A pipeline as a value: a named list of steps, and the renditions made from their result.

core.pipelines.loader reads pipelines from YAML files; docs/reference/pipelines.md documents every field. The worker's
child loads this module and no YAML parser: pipelines reach it as msgpack.
"""

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from core.domain.model import ImageHeader, Value
from core.domain.outputs import ANIMATED, Automatic, Output
from core.imaging.operations import OPERATIONS, Catalogue
from core.imaging.operations.base import Operation
from core.imaging.operations.custom_operation import versions

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]

_ANIMATION_FORMATS = {"gif", "png", "webp", "avif"}  # values of ImageHeader.format
_OUTPUT_TYPES = {"auto": Automatic}


class FrameSelection(StrEnum):
    """The frames or pages of an image that are decoded."""

    ALL = "all"
    FIRST = "first"


class RenditionSpec(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One picture that the pipeline makes: steps of its own after the shared ones, then one or more encodings."""

    #: Lower-case letters, digits and hyphens. Name and format together identify the rendition.
    name: Name
    #: Steps for this rendition alone.
    steps: tuple[Operation, ...] = ()
    #: One file is written for each.
    outputs: Annotated[tuple[Output | Automatic, ...], Meta(min_length=1)]


class Pipeline(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Decode once, run `steps` once, then make each rendition from the result."""

    name: Name
    #: A sentence for people.
    description: str = ""
    #: Steps that run once, for all renditions.
    steps: tuple[Operation, ...] = ()
    renditions: Annotated[tuple[RenditionSpec, ...], Meta(min_length=1)]
    #: Frames of an animation. ALL keeps them in outputs whose format holds frames; other outputs get the first.
    frames: FrameSelection = FrameSelection.ALL
    #: Pages of a TIFF. ALL puts them into one file if the output is a TIFF, and into one file each otherwise.
    pages: FrameSelection = FrameSelection.FIRST

    @property
    def custom_operations(self) -> dict[str, str]:
        """The company's own operations in this pipeline: operation name → version of its package."""
        return versions(step for steps in (self.steps, *(spec.steps for spec in self.renditions)) for step in steps)

    @property
    def takes_frames(self) -> bool:
        """Whether any output would keep all frames of an animation."""
        outputs = (output for rendition in self.renditions for output in rendition.outputs)
        formats = {candidate.format for output in outputs for candidate in output.candidates}
        return self.frames is FrameSelection.ALL and bool(formats & ANIMATED)

    def frames_of(self, header: ImageHeader) -> int:
        """The number of decoded frames: all of an animation if an output keeps them, otherwise 1."""
        return header.frames if header.format in _ANIMATION_FORMATS and self.takes_frames else 1

    def pages_of(self, header: ImageHeader) -> int:
        """The number of decoded pages: all of a TIFF if `pages` is ALL, otherwise 1."""
        return header.frames if header.format == "tiff" and self.pages is FrameSelection.ALL else 1


def to_bytes(pipeline: Pipeline) -> bytes:
    """The pipeline as msgpack, for the worker's child."""
    return msgspec.msgpack.encode(pipeline)


def from_bytes(content: bytes, catalogue: Catalogue = OPERATIONS) -> Pipeline:
    """The pipeline that `to_bytes` encoded; `catalogue` must hold all of its operations."""
    fields = msgspec.msgpack.decode(content)
    fields["steps"] = _operations(fields["steps"], catalogue)
    for rendition in fields["renditions"]:
        rendition["steps"] = _operations(rendition["steps"], catalogue)
        rendition["outputs"] = tuple(msgspec.convert(item, output_type(item)) for item in rendition["outputs"])
    fields["renditions"] = tuple(RenditionSpec(**rendition) for rendition in fields["renditions"])
    fields |= {name: FrameSelection(fields[name]) for name in ("frames", "pages")}
    return Pipeline(**fields)


def output_type(fields: dict[str, Any]) -> type[Output | Automatic]:
    """The class for an output with these fields: Automatic for `format: auto`, Output for any other format."""
    return _OUTPUT_TYPES.get(fields.get("format", ""), Output)


def _operations(steps: list[dict[str, Any]], catalogue: Catalogue) -> tuple[Operation, ...]:
    return tuple(msgspec.convert(step, catalogue[step["operation"]]) for step in steps)
