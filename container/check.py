# ruff: noqa: INP001 - a script, in no package
"""Loads every entry point, pipeline and operation of an image: the last step of its build, and the command `check`.

A company's own image runs it at the end of its build too.
"""

import importlib
import os
import pkgutil
import sys
from pathlib import Path

# Entry points read their settings when they are loaded. Nothing connects to these addresses.
os.environ |= {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "BATCH_QUEUE": "none",
    "BUCKET": "none",
    "DATABASE_URL": "postgresql://localhost/none",
    "PUBLIC_BASE_URL": "https://localhost",
    "RECORDS_QUEUE_URL": "https://localhost/none",
}

#: Entry points that must exist: a folder that was not copied would otherwise look like an empty one.
ENTRIES = {"handler.admin", "handler.dispatch", "handler.process", "handler.record", "handler.web"}


def check() -> str:
    """Load everything and return a description of it. Raises the first error."""
    import cv2  # noqa: PLC0415 - after os.environ is set

    import handler  # noqa: PLC0415

    importlib.import_module("awslambdaric.__main__")
    importlib.import_module("batch.commands")
    importlib.import_module("psycopg")
    modules = [importlib.import_module(f"handler.{module.name}") for module in pkgutil.iter_modules(handler.__path__)]
    entries = {module.__name__ for module in modules if callable(getattr(module, "handle", None))}
    if missing := ENTRIES - entries:
        raise LookupError(f"no entry point: {', '.join(sorted(missing))}")
    processor = importlib.import_module("handler.process")._processor  # noqa: SLF001 - loaded with the entry
    if not list(Path("/app/core/adapters/postgres/schema").glob("*.sql")):
        raise LookupError("there is no migration in the image")
    parts = [
        f"OpenCV {cv2.__version__}",
        f"entries {', '.join(sorted(entries))}, batch",
        f"pipelines {', '.join(sorted(processor.pipelines))}",
    ]
    if own := processor.worker.operations():
        parts.append(f"operations {', '.join(f'{operation.name} ({operation.version})' for operation in own)}")
    return "; ".join(parts)


if __name__ == "__main__":
    from core.domain.errors import Misconfigured

    try:
        print(check())  # noqa: T201 - goes to the build's log
    except Misconfigured as error:  # wrong settings, pipelines or functions: no traceback
        sys.exit(f"picture-perfect: {error}")
