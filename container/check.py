# ruff: noqa: INP001 - a script, in no package
"""Run while the image is built, in its final shape and as its user: loads every entry, pipeline and operation.

A company's own image runs it too, at its build's end, and so may anyone on an image that does not work: `check`.
"""

import importlib
import os
import pkgutil
import sys
from pathlib import Path

# Entries read their settings when they are loaded. Nothing is called at these places.
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

#: What must be in the image, so that a folder which was not copied is not taken for one with nothing in it.
ENTRIES = {"handler.admin", "handler.dispatch", "handler.process", "handler.record", "handler.web"}


def check() -> str:
    """Raises whatever is wrong with the image; returns what is in it."""
    import cv2  # noqa: PLC0415 - after the settings

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
        raise LookupError("no migration was shipped")
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
        print(check())  # noqa: T201 - the build's log
    except Misconfigured as error:  # a company's settings, pipelines or functions: its sentence says it all
        sys.exit(f"picture-perfect: {error}")
