"""Databases with jobs that write files."""

from __future__ import annotations

from fixtures.cascade import cascade as cascade  # the fixtures, for all tests below
