"""Shared parts of the tests: fakes, worlds, judges."""
