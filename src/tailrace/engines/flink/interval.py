"""Intervals of Flink, as it casts them to texts: ``+1 10:00:00.123``, ``-1-02`` (years, months).

Java has two classes for them, which write themselves as ISO 8601; the gateway's JSON has a number.
"""

from __future__ import annotations

import re
from decimal import Decimal

# The name of the type as SQL writes it, and as the gateway's protocol calls the two kinds.
WRITTEN = "INTERVAL"
INTERVALS = ("INTERVAL_YEAR_MONTH", "INTERVAL_DAY_TIME")

_NUMBER = r"(-?\d+(?:\.\d+)?)"
_PERIOD = rf"P(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:0D)?"
_DURATION = rf"PT(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?"


def of_iso(text: str) -> str:
    """An interval as Java writes it; what is none stays as it is."""
    if found := re.fullmatch(_PERIOD, text):
        years, months = (int(one or 0) for one in found.groups())
        return of_number(years * 12 + months, INTERVALS[0])
    if found := re.fullmatch(_DURATION, text):
        hours, minutes, seconds = (Decimal(one or 0) for one in found.groups())
        return of_number(int((hours * 3600 + minutes * 60 + seconds) * 1000), INTERVALS[1])
    return text


def of_number(number: int, name: str) -> str:
    """An interval of so many months, or milliseconds."""
    sign = "-" if number < 0 else "+"
    if name == INTERVALS[0]:
        years, months = divmod(abs(number), 12)
        return f"{sign}{years}-{months:02}"
    seconds, thousandths = divmod(abs(number), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{sign}{days} {hours:02}:{minutes:02}:{seconds:02}.{thousandths:03}"
