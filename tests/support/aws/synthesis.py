"""The synthesized stack, once a session for each settings. The first synthesis takes seconds."""

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from infra.__main__ import find_node
from infra.settings.reader import parse


@cache
def assembly(settings: str) -> Path:
    """The cloud assembly's folder for these settings, in TOML."""
    find_node()
    from infra.app import assemble

    folder = mkdtemp(prefix="assembly-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return assemble(parse(settings), folder)


def template(settings: str) -> Path:
    """The path of the stack's template for these settings."""
    from infra.app import STACK

    return assembly(settings) / f"{STACK}.template.json"
