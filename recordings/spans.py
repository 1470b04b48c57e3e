"""Spans of time: in words, as sizes are, and whether two are equally long."""

from __future__ import annotations

from typing import Final

from django.template.defaultfilters import filesizeformat

LONGEST_SECONDS: Final = 100 * 3600  # no recording has a later moment to trim at
SAME_SECONDS: Final = 0.05  # by which two renditions of the same cut may differ in length
HUNDRED_YEARS: Final = 100 * 365 * 86400  # seconds, the most that is asked for
UNITS: Final = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def same_cut(one: float, other: float) -> bool:
    """Tell whether two renditions are of one cut, as far as their lengths in seconds say it."""
    return abs(one - other) < SAME_SECONDS


def counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def period(seconds: int) -> str:
    """Write seconds in the largest units that come out even: 180 days, 1 hour 30 minutes."""
    parts = []
    for size, unit in UNITS:
        number, seconds = divmod(seconds, size)
        if number:
            parts.append(counted(number, unit))
    return " ".join(parts) or "0 seconds"


def size_in_words(size: int) -> str:
    """Write bytes as pages do, with a common space: 2.0 TB."""
    return filesizeformat(size).replace("\xa0", " ")
