"""The Flink cluster of a demo: one of its own, or one that runs already."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from tailrace.engines.flink.home import flink_home, java
from tailrace.engines.flink.local import LocalCluster, Running
from tailrace.errors import Unsupported, WrongState

# Sessions look there for the cluster whose planner they may use.
_VARIABLE = "TAILRACE_FLINK_HOME"


class DemoCluster:
    """Start, and end what was started here; a cluster of somebody else is left alone."""

    def __init__(self, own: Path, given: Path | None, *, keep: bool) -> None:
        self.cluster = LocalCluster(given or own)
        self.is_own = given is None
        self._keep = keep
        self._before: str | None = None

    def check(self) -> None:
        """Refuse before anything is started: what is missing, and how to get it."""
        if not self.is_own and self.cluster.status() is None:
            raise WrongState(
                f'no Flink cluster runs in "{self.cluster.home}"',
                hint=f"start one with: tailrace flink start --home {self.cluster.home}",
            )
        flink_home()
        java()
        try:
            import py4j  # noqa: F401 - only whether it is there
        except ImportError:
            raise Unsupported(
                "py4j, which speaks to Flink, is not installed",
                hint="pip install 'tailrace[flink]'",
            ) from None

    async def start(self) -> Running:
        """Start it, if need be; Java takes a few seconds."""
        # Whoever is cancelled meanwhile must know what was started, to be able to end it.
        loop = asyncio.get_running_loop()
        starting = loop.run_in_executor(None, self._start)
        try:
            running = await asyncio.shield(starting)
        except asyncio.CancelledError:
            await starting
            raise
        self._before = os.environ.get(_VARIABLE)
        os.environ[_VARIABLE] = str(self.cluster.home)
        return running

    def _start(self) -> Running:
        # of its own, so any port: on 8081 there may be somebody's
        return self.cluster.start(tied=not self._keep)

    def leave(self) -> None:
        """Let it go on."""
        self._forget()

    def clear(self) -> None:
        """End it if it is our own; its files go with those of the demo."""
        self._forget()
        if self.is_own:
            self.cluster.stop(within=5.0)

    def _forget(self) -> None:
        if self._before is None:
            os.environ.pop(_VARIABLE, None)
        else:
            os.environ[_VARIABLE] = self._before
