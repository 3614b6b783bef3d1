"""The settings of a SQL job: what stands in WITH (…)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tailrace.errors import UsageError


@dataclass(frozen=True, slots=True)
class Settings:
    """What stands in WITH (…)."""

    snapshot: bool = False
    attempts: int | None = None
    queue: str | None = None
    key: tuple[str, ...] = ()

    @classmethod
    def read(cls, options: Mapping[str, str]) -> Settings:
        """Check them; all settings that cannot be used are named at once."""
        known = ("initial", "restart.attempts", "queue", "key")
        wrong = [
            f"there is no setting '{name}' of a job; there are: {', '.join(known)}"
            for name in options
            if name not in known
        ]
        initial = options.get("initial", "latest")
        if initial not in ("latest", "snapshot"):
            wrong.append(f"'initial' is 'latest' or 'snapshot', not '{initial}'")
        attempts = options.get("restart.attempts")
        if attempts is not None and not (attempts.isdecimal() and len(attempts) < 7):
            wrong.append(f"'restart.attempts' is a number, 0 and more, not '{attempts}'")
        if wrong:
            raise UsageError("; ".join(wrong))
        key = tuple(one.strip() for one in options.get("key", "").split(",") if one.strip())
        return cls(
            initial == "snapshot",
            None if attempts is None else int(attempts),
            options.get("queue"),
            key,
        )
