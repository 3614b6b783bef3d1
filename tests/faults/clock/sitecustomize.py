"""Loaded by a process of its own accord when this folder is on its path: a clock that jumps.

Each reading of the wall clock is off by up to ``CLOCK_JUMPS`` seconds, forwards or backwards, anew
every few readings. Nothing that decides may rest on the client's wall clock; what measures time
uses the monotonic one, which no administrator can set.
"""

import datetime
import os
import random
import time

_real_time = time.time
_most = float(os.environ.get("CLOCK_JUMPS", "0"))
_random = random.Random(4711)
_off = 0.0


def _jumping_time() -> float:
    global _off
    if _random.random() < 0.3:
        _off = _random.uniform(-_most, _most)
    return _real_time() + _off


class _Datetime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):  # type: ignore[no-untyped-def,override]
        return cls.fromtimestamp(_jumping_time(), tz)


if _most:
    time.time = _jumping_time
    time.time_ns = lambda: int(_jumping_time() * 1e9)
    datetime.datetime = _Datetime  # type: ignore[misc]
