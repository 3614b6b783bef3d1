"""What a run may be told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How services run; the names are those of the settings."""

    queue: str | None = None
    """Serve the nodes of this queue only."""
    poll: float = 1.0
    local_watermark_period: float = 300.0
    global_watermark_period: float = 300.0
    strict: bool = False
    tick_period: float = 0.001
    discovery_period: float = 1.0
    grace: float = 30.0
    runner_timeout: float = 5.0
    """How long another runner may be silent before its sessions are ended."""
    savepoints_keep: int | None = None
    """So many savepoints of a job are kept; older ones are dropped."""
    savepoints_max_age: float | None = None
    """Older savepoints are dropped."""
