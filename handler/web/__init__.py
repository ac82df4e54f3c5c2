"""The web page and its API. The Lambda entry point is `handler.web.handle`."""

from typing import Any


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    """Load `handle` lazily, so that the other modules can be imported without environment variables."""
    if name == "handle":
        from handler.web.entry import handle  # noqa: PLC0415 - reads the environment

        return handle
    raise AttributeError(name)
