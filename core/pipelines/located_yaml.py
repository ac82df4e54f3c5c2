"""Parses YAML into values that carry their line numbers, for error messages. Safe tags only."""

from collections.abc import Mapping
from typing import Any

import msgspec
import yaml

# The C parser, if PyYAML was built with it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Located(msgspec.Struct, frozen=True):
    """A value and the line on which it begins, from 1. Its maps and lists hold Located values."""

    value: Any
    line: int

    def plain(self) -> Any:  # noqa: ANN401 - YAML holds anything
        """The value without line numbers."""
        if isinstance(self.value, Mapping):
            return {key: item.plain() for key, item in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value


class YamlFault(Exception):  # noqa: N818 - a fault in a file
    """Not YAML, or more than one document. `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def read(text: str) -> tuple[Located, list[tuple[int, str]]]:
    """The document in `text`, and its duplicate keys as (line, message).

    Raises YamlFault if the text cannot be parsed or holds more than one document.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise YamlFault(1, "the file is empty")
        faults: list[tuple[int, str]] = []
        return _located(loader, node, faults), faults
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlFault(mark.line + 1 if mark else 1, f"not YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise YamlFault(1, f"not YAML: {error}") from error
    except RecursionError as error:
        raise YamlFault(1, "nested too deeply, or a value that contains itself") from error
    finally:
        loader.dispose()


def _located(loader: Any, node: yaml.Node, faults: list[tuple[int, str]]) -> Located:  # noqa: ANN401
    line = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        return Located([_located(loader, item, faults) for item in node.value], line)
    if isinstance(node, yaml.MappingNode):
        items: dict[str, Located] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in items:
                faults.append((key_node.start_mark.line + 1, f"{key} is here twice"))
            value = _located(loader, value_node, faults)
            items[key] = Located(value.value, key_node.start_mark.line + 1)
        return Located(items, line)
    return Located(loader.construct_object(node, deep=True), line)
