"""Fixtures of the tests that break things."""

from fixtures.cascade import cascade
from fixtures.modelled import modelled

__all__ = ["cascade", "modelled"]
