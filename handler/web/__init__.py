"""The page and its API: `handler.web.handle` is the entry point in Lambda."""

from typing import Any


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    """`handle`, once it is asked for: the other modules here can be loaded without an environment."""
    if name == "handle":
        from handler.web.entry import handle  # noqa: PLC0415 - it reads the environment

        return handle
    raise AttributeError(name)
