"""Names and descriptions of pipelines, read from their files without loading operations or custom code.

The files are checked in full by `handler.process`, not here.
"""

from pathlib import Path
from typing import Any

import msgspec

from core.domain.errors import Code, Misconfigured
from core.ports.gallery import PipelineOutput, PipelineSummary


class _Output(msgspec.Struct, frozen=True):
    format: str = "auto"


class _Rendition(msgspec.Struct, frozen=True):
    name: str
    outputs: tuple[_Output, ...] = ()


class _File(msgspec.Struct, frozen=True):
    renditions: tuple[_Rendition, ...]
    description: str = ""


def read_summaries(folder: Path) -> dict[str, PipelineSummary]:
    """The pipelines in the `*.yaml` files of a folder, by name. Raises Misconfigured(INVALID_PIPELINE)."""
    import yaml  # noqa: PLC0415 - most requests need no pipeline

    def parse(path: Path) -> Any:  # noqa: ANN401 - any YAML
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return yaml.load(path.read_text("utf-8"), loader)  # noqa: S506 - both loaders are safe

    summaries = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            file = msgspec.convert(parse(path), _File)
        except (yaml.YAMLError, msgspec.ValidationError, UnicodeDecodeError, OSError) as error:
            raise Misconfigured(Code.INVALID_PIPELINE, f"{path}: {error}") from error
        summaries[path.stem] = PipelineSummary(
            name=path.stem,
            description=file.description,
            renditions=tuple(
                PipelineOutput(name=item.name, formats=tuple(output.format for output in item.outputs))
                for item in file.renditions
            ),
        )
    if not summaries:
        raise Misconfigured(Code.INVALID_PIPELINE, f"{folder}: there is no *.yaml file, so no pipeline, in this folder")
    return summaries
