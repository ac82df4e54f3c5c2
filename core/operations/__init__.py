"""The catalogue of operations, by the names that pipelines use. One operation, one file, one line here."""

from core.operations.base import Operation
from core.operations.resize import Resize

OPERATIONS: dict[str, type[Operation]] = {
    "resize": Resize,
}
