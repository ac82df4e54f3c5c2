"""Each variation is synthesized once, by one Node: the first costs seconds, the others little."""

from collections.abc import Callable

import pytest

from infra.__main__ import _find_node
from infra.settings import read
from tests.infra.stack import Stack
from tests.infra.variations import OTHER, SHIPPED

Synthesize = Callable[[str], Stack]


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Synthesize:
    """The stack of such settings."""
    _find_node()
    from infra.app import assemble

    made: dict[str, Stack] = {}

    def stack(settings: str) -> Stack:
        if settings not in made:
            made[settings] = Stack(assemble(read(settings), str(tmp_path_factory.mktemp("assembly"))))
        return made[settings]

    return stack


@pytest.fixture(scope="session")
def shipped(synthesize: Synthesize) -> Stack:
    """As infra/settings.toml comes."""
    return synthesize(SHIPPED)


@pytest.fixture(scope="session")
def other(synthesize: Synthesize) -> Stack:
    """All that the shipped settings have not."""
    return synthesize(OTHER)
