"""Read and validate `settings.toml` before the synthesis. All faults are reported together, each with its field."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from core.settings.parsing import requirement as requirement_of
from infra.settings.checks import find_conflicts
from infra.settings.schema import Settings, Table


class SettingsError(Exception):
    """The faults of the file, separated by semicolons; each begins with the name of its field."""


def load(path: Path) -> Settings:
    """Read and validate the file at `path`. Raises SettingsError."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise SettingsError(str(error.strerror)) from error
    except UnicodeDecodeError as error:
        raise SettingsError("the file is not UTF-8 text") from error
    return parse(text)


def parse(text: str) -> Settings:
    """Validate `text`, the content of a settings file. Raises SettingsError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"not TOML: {error}") from error
    faults = [*_field_faults(Settings, document)]
    if not faults:
        settings = msgspec.convert(document, Settings)
        faults = [*find_conflicts(settings)]
    if faults:
        raise SettingsError("; ".join(faults))
    return settings


def _field_faults(table: type[Table], document: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Faults of single fields. `prefix` is the name of the enclosing table with a dot, or empty."""
    types = {field.name: field.type for field in msgspec.structs.fields(table)}
    yield from (f"{prefix}{name}: there is no such field" for name in document if name not in types)
    for name in (name for name in types if name in document):
        kind, value = types[name], document[name]
        if isinstance(kind, type) and issubclass(kind, Table):
            if isinstance(value, dict):
                yield from _field_faults(kind, value, f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}: must be a table, [{name}]"
            continue
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            message, _, location = str(error).partition(" - at `$")
            requirement = requirement_of(kind)
            yield f"{prefix}{name}{location.rstrip('`')}: {f'must {requirement}' if requirement else message}"
