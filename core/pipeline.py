"""A pipeline: a named list of steps, and the renditions that leave from its end.

Pipelines are YAML files, one each, named by their file. They are validated when loaded; what is wrong is
reported with file, line and field, all faults of a file at once.
"""

from typing import Annotated

from msgspec import Meta

from core.model import ImageFormat, Value
from core.operations import Operation

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class Output(Value, kw_only=True, forbid_unknown_fields=True):
    """One encoding of a rendition. `quality` is 1 to 100, for the lossy formats."""

    format: ImageFormat
    quality: Annotated[int, Meta(ge=1, le=100)] | None = None


class RenditionSpec(Value, kw_only=True, forbid_unknown_fields=True):
    """One picture that leaves the pipeline: more steps after the shared ones, then one or more encodings."""

    name: Name
    steps: tuple[Operation, ...] = ()
    outputs: Annotated[tuple[Output, ...], Meta(min_length=1)]


class Pipeline(Value, kw_only=True, forbid_unknown_fields=True):
    """Decode once, do `steps` once, then each rendition from there."""

    name: Name
    description: str = ""
    steps: tuple[Operation, ...] = ()
    renditions: Annotated[tuple[RenditionSpec, ...], Meta(min_length=1)]
