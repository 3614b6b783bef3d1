"""Cascades whose jobs are looked at."""

from __future__ import annotations

from fixtures.cascade import cascade as cascade
