"""Fixtures of the tests of merged queues."""

from fixtures.merge import merge

__all__ = ["merge"]
