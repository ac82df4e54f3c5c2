"""The synthesized stacks, shared by all tests of a session."""

from collections.abc import Callable
from functools import cache

import pytest

from tests.infra.stack import Stack
from tests.infra.variations import OTHER, SHIPPED
from tests.support.aws import synthesis

Synthesize = Callable[[str], Stack]


@pytest.fixture(scope="session")
def synthesize() -> Synthesize:
    """Synthesize the stack of settings, given as the text of a settings file; each text once."""
    return cache(lambda settings: Stack(synthesis.assembly(settings)))


@pytest.fixture(scope="session")
def shipped(synthesize: Synthesize) -> Stack:
    """The stack of infra/settings.toml."""
    return synthesize(SHIPPED)


@pytest.fixture(scope="session")
def other(synthesize: Synthesize) -> Stack:
    """The stack of a deployment that uses most settings which the shipped file does not."""
    return synthesize(OTHER)
