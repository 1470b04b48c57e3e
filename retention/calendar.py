"""When a schedule comes next: pure, in the policy's own time zone.

A crontab speaks of the wall clock. A time that the change to summer time skips is made up for right
after the gap; one that the change back repeats counts once, unless the hour field is `*`, when the
schedule means elapsed time. As in Celery, day of month and day of week must both fit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import product
from typing import Any, Final
from zoneinfo import ZoneInfo

from celery.schedules import ParseException, crontab

FIELDS: Final = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
HORIZON: Final = 366 * 9  # days: the longest wait for a 29 February, across a year without one


@dataclass(frozen=True, slots=True)
class Line:
    """The five fields of a crontab line, each the numbers that fit; weekdays from Sunday, 0."""

    minute: frozenset[int]
    hour: frozenset[int]
    day_of_month: frozenset[int]
    month_of_year: frozenset[int]
    day_of_week: frozenset[int]


@lru_cache(maxsize=256)
def parse(text: str) -> Line:
    """Read the five fields of a crontab line. Raises ValueError with a sentence."""
    fields = text.split()
    if len(fields) != len(FIELDS):
        raise ValueError(
            f"“{text}” is no crontab line: give minute, hour, day of month, month and day of "
            "week, such as “0 2 * * *” for every day at 02:00."
        )
    try:
        read: Any = crontab(**dict(zip(FIELDS, fields, strict=True)))
        return Line(**{name: frozenset(getattr(read, name)) for name in FIELDS})
    except (ParseException, ValueError, KeyError) as error:
        raise ValueError(f"“{text}” is no crontab line: {str(error).rstrip('.')}.") from error


def next_crontab(text: str, zone: ZoneInfo, after: datetime) -> datetime | None:
    """Return the first time after `after`, in UTC; None when it does not come for years."""
    line = parse(text)
    first = (after.astimezone(zone) - timedelta(days=1)).date()
    for days in range(HORIZON):
        day = first + timedelta(days=days)
        if not _fits(line, day):
            continue
        if found := min((at for at in _times(line, day, zone) if at > after), default=None):
            return found
    return None


def _fits(line: Line, day: date) -> bool:
    return (
        day.month in line.month_of_year
        and day.day in line.day_of_month
        and day.isoweekday() % 7 in line.day_of_week
    )


def _times(line: Line, day: date, zone: ZoneInfo) -> Iterator[datetime]:
    folds = (0, 1) if len(line.hour) == 24 else (0,)
    for hour, minute, fold in product(line.hour, line.minute, folds):
        wall = datetime.combine(day, time(hour, minute, fold=fold), tzinfo=zone)
        instant = wall.astimezone(UTC)
        # In a gap the two folds lie on either side of it; the first is the one after the gap.
        if fold == 0 or instant.astimezone(zone).replace(fold=0) == wall.replace(fold=0):
            yield instant


def next_interval(seconds: int, anchor: datetime, after: datetime) -> datetime:
    """Return the first of `anchor`, `anchor` + n * `seconds` that is after `after`."""
    behind = (after - anchor).total_seconds()
    steps = max(0, math.floor(behind / seconds) + 1)
    return anchor + timedelta(seconds=steps * seconds)
