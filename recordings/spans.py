"""Spans of time and sizes in words."""

from __future__ import annotations

from typing import Final

from django.template.defaultfilters import filesizeformat

UNITS: Final = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


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
