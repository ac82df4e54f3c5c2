"""Sandboxes and containers: the scratch folder in their environment, and the relay of their output."""

import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path


def fill_in_folder(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The environment with `{tmp}` in its values replaced by `folder`."""
    return {name: value.replace("{tmp}", str(folder)) for name, value in environment.items()}


def relay_output(process: "subprocess.Popen[bytes]", log: Callable[[str], None]) -> threading.Thread:
    """Call `log` with each line of the process's standard output, in a thread that ends with the output."""

    def relay() -> None:
        assert process.stdout is not None  # noqa: S101 - Popen got stdout=PIPE
        with process.stdout as stream:
            for line in stream:
                log(line.decode(errors="replace").rstrip("\n"))

    thread = threading.Thread(target=relay, daemon=True)
    thread.start()
    return thread
