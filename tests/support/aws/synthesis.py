"""The stack, synthesized: once for each settings in a session, and all suites by one Node. The first costs seconds."""

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from infra.__main__ import find_node
from infra.settings.reader import parse


@cache
def assembly(settings: str) -> Path:
    """The folder of the assembly that such settings make."""
    find_node()
    from infra.app import assemble

    folder = mkdtemp(prefix="assembly-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return assemble(parse(settings), folder)


def template(settings: str) -> Path:
    """Its template."""
    from infra.app import STACK

    return assembly(settings) / f"{STACK}.template.json"
