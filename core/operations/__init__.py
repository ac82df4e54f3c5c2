"""The catalogue of operations, by the names that pipelines use. One operation, one file."""

from core.operations.base import Operation

OPERATIONS: dict[str, type[Operation]] = {}
