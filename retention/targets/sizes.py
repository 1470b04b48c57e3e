"""What no longer fits into a policy's size: the first of everything that does not, newest first.

Not a target itself. Sizes are never negative, so all that is older than that one does not fit
either. It is looked for by the hour, and then within its hour. To add up a million recordings takes
seconds; where it is known what they take together, only the nearer end is added up, in parts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import connection
from django.db.models import F, Max, Min, QuerySet, RowRange, Sum, Window
from django.db.models.functions import TruncHour

from retention.planner import whole_library
from retention.targets.measures import NEWEST_FIRST, Bound, Place, dated, evenly

if TYPE_CHECKING:
    from retention.models import RetentionPolicy

MOMENTS: Final = 1000  # looked up to cut everything into parts
PART: Final = 0.15  # of everything; PostgreSQL looks up so few one by one, instead of reading all
MARGIN: Final = 0.02  # how far the end may lie beside where the numbers alone would have it
HOUR: Final = timedelta(hours=1)
BY_HOUR: Final = """
    SELECT inside.hour, SUM(weighed.bytes) FROM ({inside}) inside
    JOIN ({weighed}) weighed ON weighed.key = inside.key
    GROUP BY inside.hour ORDER BY inside.hour DESC
"""

Hours = Iterable[tuple[datetime, int]]  # when each begins, and the bytes of what is dated in it


def bound(
    policy: RetentionPolicy, everything: QuerySet[Any], place: Place, *, total: int | None = None
) -> Bound | None:
    """Find the newest of everything that does not fit; None where no rule asks, or all fits.

    `total` is what everything takes, where that is known.
    """
    most = policy.max_total_bytes
    if most is None or (total is not None and total <= most):
        return None
    rows = dated(policy, everything, place)
    if total is None:
        found = _from_newest(_by_hour(rows, place), most)
    elif most * 2 < total:
        found = _from_newest(_in_parts(rows, place, most / total, newest_first=True), most)
    else:
        parts = _in_parts(rows, place, 1 - most / total, newest_first=False)
        found = _from_oldest(parts, most, total)
    return found and _within(found[0], rows, place, most=most, newer=found[1])


def _from_newest(hours: Hours, most: int) -> tuple[datetime, int] | None:
    """Find the first hour that does not fit, and the bytes of those before it."""
    newer = 0
    for hour, size in hours:
        if newer + size > most:
            return hour, newer
        newer += size
    return None


def _from_oldest(hours: Hours, most: int, total: int) -> tuple[datetime, int] | None:
    """Find the same by what is left of the total; the hours come oldest first."""
    newer = total
    for hour, size in hours:
        newer -= size
        if newer <= most:
            return hour, newer
    return None


def _in_parts(
    rows: QuerySet[Any], place: Place, share: float, *, newest_first: bool
) -> Iterator[tuple[datetime, int]]:
    """Yield hours from one end; the first parts together are about that share of the rows."""
    moments = _moments(rows)
    if newest_first:
        moments.reverse()
    near = share + MARGIN
    parts = math.ceil(near / PART)
    places = [near * n / parts for n in range(1, parts + 1)]
    places += [near + PART * n for n in range(1, math.ceil(1 / PART))]
    ends = [_hour_of(moments[int(at * len(moments))]) for at in places if at < 1 and moments]
    for begin, end in zip([None, *ends], [*ends, None], strict=True):
        first, last = (end, begin) if newest_first else (begin, end)
        hours = _by_hour(_between(rows, first, last), place)
        yield from hours if newest_first else reversed(hours)


def _hour_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _moments(rows: QuerySet[Any]) -> list[datetime]:
    """Return when some of the rows are dated, oldest first: so many lie between two of them."""
    ends = rows.aggregate(first=Min("pk"), last=Max("pk"))
    if ends["first"] is None:
        return []
    some = rows.filter(pk__among=evenly(ends["first"], ends["last"], MOMENTS))
    return sorted(some.values_list("counted", flat=True))


def _between(rows: QuerySet[Any], first: datetime | None, last: datetime | None) -> QuerySet[Any]:
    """Keep rows from one hour until another, without that; None is no bound."""
    if first is not None:
        rows = rows.filter(counted__gte=first)
    return rows if last is None else rows.filter(counted__lt=last)


def _within(
    hour: datetime, rows: QuerySet[Any], place: Place, *, most: int, newer: int
) -> Bound | None:
    """Find the first of an hour that does not fit beside the bytes that are newer than it."""
    rows = _between(rows, hour, hour + HOUR)
    upto = Window(Sum(place.size), order_by=NEWEST_FIRST, frame=RowRange(None, 0))
    rows = rows.annotate(upto=upto).filter(upto__gt=most - newer).order_by(*NEWEST_FIRST)
    first = rows.values_list("counted", "pk", "upto").first()
    return None if first is None else Bound(first[0], first[1], newer + first[2])


def _by_hour(rows: QuerySet[Any], place: Place) -> list[tuple[datetime, int]]:
    """Add up the bytes of rows by the hour, the newest first.

    In one statement that goes through both tables once: a sum a row would look up a million.
    """
    hour = TruncHour("counted", tzinfo=UTC)
    each = rows.order_by().annotate(key=F("pk"), hour=hour).values("key", "hour")
    inside, asked = each.query.sql_with_params()
    weighed, given = place.sizes().query.sql_with_params()
    with whole_library(), connection.cursor() as cursor:
        cursor.execute(BY_HOUR.format(inside=inside, weighed=weighed), [*asked, *given])
        found = cursor.fetchall()
    # Without a zone from both databases, from SQLite as text.
    return [(datetime.fromisoformat(str(h)).replace(tzinfo=UTC), int(size)) for h, size in found]
