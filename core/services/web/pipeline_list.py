"""What people are told of pipelines, read from their files without the operations that they name.

Whoever only lists them loads no operation, and needs no company's code; what is wrong in a file is `process`'s to say.
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


def read(folder: Path) -> dict[str, PipelineSummary]:
    """All pipelines of a folder, its `*.yaml` files, by name. Raises Misconfigured(INVALID_PIPELINE)."""
    import yaml  # noqa: PLC0415 - only some requests need to know any pipeline

    def parsed(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return yaml.load(path.read_text("utf-8"), loader)  # noqa: S506 - both are safe ones

    found = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            file = msgspec.convert(parsed(path), _File)
        except (yaml.YAMLError, msgspec.ValidationError, UnicodeDecodeError, OSError) as error:
            raise Misconfigured(Code.INVALID_PIPELINE, f"{path}: {error}") from error
        found[path.stem] = PipelineSummary(
            name=path.stem,
            description=file.description,
            renditions=tuple(
                PipelineOutput(name=item.name, formats=tuple(output.format for output in item.outputs))
                for item in file.renditions
            ),
        )
    if not found:
        raise Misconfigured(Code.INVALID_PIPELINE, f"{folder}: there is no pipeline here; they are files named *.yaml")
    return found
