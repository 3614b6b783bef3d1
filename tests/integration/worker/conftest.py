"""Fixtures of the tests of workers, ticker and maintenance."""

from fixtures.cascade import cascade

__all__ = ["cascade"]
