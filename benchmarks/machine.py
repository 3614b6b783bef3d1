"""What the machine did beside a benchmark: without it nobody can say what a figure is worth."""

from __future__ import annotations

from pathlib import Path

_STAT = Path("/proc/stat")
_STOLEN = 7  # the place of "steal" among the times of all processors, proc(5)


class Neighbours:
    """How much of its time a virtual machine has to give up to others on the same host."""

    def __init__(self) -> None:
        self._before = _times()

    def remark(self) -> str | None:
        """Say what share was lost since this was made; None where the system does not say."""
        if not self._before:
            return None
        spent = [now - then for now, then in zip(_times(), self._before, strict=True)]
        share = spent[_STOLEN] / max(1, sum(spent))
        return f"processor time lost to other machines on the same host: {share:.1%}"


def _times() -> list[int]:
    try:
        first = _STAT.read_text(encoding="ascii").partition("\n")[0]
    except OSError:
        return []
    return [int(word) for word in first.split()[1:9]]
