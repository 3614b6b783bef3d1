"""Cascades whose jobs are looked at."""

from __future__ import annotations

from fixtures.cascade import cascade as cascade  # the fixtures, for all tests below
from fixtures.command import tailrace as tailrace
