"""The stacks that the tests look at."""

from collections.abc import Callable
from functools import cache

import pytest

from tests.infra.stack import Stack
from tests.infra.variations import OTHER, SHIPPED
from tests.support.aws import synthesis

Synthesize = Callable[[str], Stack]


@pytest.fixture(scope="session")
def synthesize() -> Synthesize:
    """The stack of such settings."""
    return cache(lambda settings: Stack(synthesis.assembly(settings)))


@pytest.fixture(scope="session")
def shipped(synthesize: Synthesize) -> Stack:
    """As infra/settings.toml comes."""
    return synthesize(SHIPPED)


@pytest.fixture(scope="session")
def other(synthesize: Synthesize) -> Stack:
    """All that the shipped settings have not."""
    return synthesize(OTHER)
