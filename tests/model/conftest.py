"""Fixtures for the recorded runs; the model itself needs none."""

from fixtures.cascade import cascade

__all__ = ["cascade"]
