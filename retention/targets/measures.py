"""What compares one thing with others in a policy's scope: its rank, what is newer, its turn.

Not a target itself. All of it is asked of the database, over the whole scope, and again while a
batch is locked; things without a date by the policy's clock are not compared, so they stay.

Ranks are counted by a window over the owners concerned. What fits into a size needs no such figure
of each, only the first that no longer fits, which `sizes` finds.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.db.models import (
    BigIntegerField,
    Case,
    DateTimeField,
    F,
    Q,
    QuerySet,
    RowRange,
    Subquery,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.functions import Coalesce, RowNumber
from django.db.models.lookups import Exact, LessThan, LessThanOrEqual

from retention.choices import Clock

if TYPE_CHECKING:
    from retention.models import RetentionPolicy

NONE: Final[Mapping[int, int]] = MappingProxyType({})
AT_ONCE: Final = 10_000  # compared in one query while a plan is made
COLUMNS: Final = {
    Clock.UPLOADED: "created_at",
    Clock.RECORDED: "recorded_at",
    Clock.PROCESSED: "processed_at",
    Clock.EXPIRE_AT: "expire_at",
    Clock.TRASHED: "trashed_at",
}


NEWEST_FIRST: Final = (F("counted").desc(), F("pk").desc())


class Measure(NamedTuple):
    """Where one thing stands among the others; None where no rule asks.

    `newer_bytes` is what comes before and with it at least; None for all that fits.
    """

    rank: int | None = None
    newer_bytes: int | None = None
    lacking: int | None = None


class Bound(NamedTuple):
    """The first, newest first, that does not fit, and the bytes of all up to it."""

    counted: datetime
    pk: int
    newer_bytes: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where rows have what they are compared by: `of` leads to the recording, with `__`."""

    of: str
    size: Any  # an expression
    sizes: Callable[[], QuerySet[Any]]  # the same as rows of `key` and `bytes`, any number of each

    def clock(self, policy: RetentionPolicy) -> Any:
        """Read the policy's clock in SQL; who was never watched counts from his upload."""
        if policy.clock == Clock.WATCHED:
            return Coalesce(f"{self.of}last_watched_at", f"{self.of}created_at")
        return F(f"{self.of}{COLUMNS[Clock(policy.clock)]}")


def evenly(first: int, last: int, number: int) -> range:
    """Return up to so many ids that are spread over all of them."""
    return range(first, last + 1, (last - first) // number + 1)


def dated(policy: RetentionPolicy, rows: QuerySet[Any], place: Place) -> QuerySet[Any]:
    """Annotate `counted`, the policy's clock, and leave out what has no date by it."""
    found: QuerySet[Any] = rows.annotate(counted=place.clock(policy))
    return found.filter(counted__isnull=False)


def ranked(policy: RetentionPolicy, rows: QuerySet[Any], place: Place) -> QuerySet[Any]:
    """Annotate `rank` among the rows of the same owner, from 1, the newest."""
    owner = F(f"{place.of}owner_id")
    rank = Window(RowNumber(), partition_by=owner, order_by=NEWEST_FIRST)
    found: QuerySet[Any] = dated(policy, rows, place).annotate(rank=rank)
    return found


def beyond(
    policy: RetentionPolicy, everything: QuerySet[Any], place: Place, limit: Bound | None
) -> QuerySet[Any]:
    """Keep what is not among the newest that stay; `limit` is the `sizes.bound` of everything."""
    rows = everything
    if policy.max_total_bytes is not None:
        rows = rows.filter(older(policy, everything, place, limit))
    if policy.keep_newest is not None:
        over = ranked(policy, everything, place).filter(rank__gt=policy.keep_newest)
        rows = rows.filter(pk__in=over.values("pk"))
    return rows


def older(
    policy: RetentionPolicy, everything: QuerySet[Any], place: Place, limit: Bound | None
) -> Q:
    """Say in SQL what comes no sooner than the bound, newest first; nothing without one."""
    if limit is None:
        return Q(pk__in=[])
    # The database compares its own values: SQLite writes the moments it takes itself with fewer
    # digits than it is given, as text, so one read and handed back is not equal to itself. The
    # value that was read is asked for as well, in case the row of the bound was made newer since.
    own = dated(policy, everything, place).filter(pk=limit.pk).values("counted")
    counted, moment = place.clock(policy), Subquery(own)
    before = Q(LessThan(counted, moment)) | Q(Exact(counted, moment), pk__lte=limit.pk)
    return Q(LessThanOrEqual(counted, Value(limit.counted, DateTimeField()))) & before


def in_turn(
    policy: RetentionPolicy, rows: QuerySet[Any], place: Place, *, blocked: Q, needed: int
) -> QuerySet[Any]:
    """Annotate what the disk still lacks when it is a row's turn, oldest first."""
    big = BigIntegerField()
    frees = Case(When(blocked, then=Value(0)), default=place.size, output_field=big)
    rows = rows.annotate(counted=place.clock(policy)).annotate(frees=frees)
    oldest_first = [F("counted").asc(), F("pk").asc()]
    before = Window(Sum("frees"), order_by=oldest_first, frame=RowRange(None, -1))
    rows = rows.annotate(lacking=Value(needed, big) - Coalesce(before, Value(0, big)))
    return rows.order_by(*oldest_first)


def look_up(rows: QuerySet[Any], name: str, keys: Collection[int]) -> Mapping[int, int]:
    """Read one measure of some rows. It is taken over all of them, so the choice comes after."""
    # Beside a window, a condition becomes one on the outcome; alone it would narrow the window.
    chosen = Q(**{f"{name}__isnull": True}) | Q(pk__among=keys)
    return dict(rows.filter(chosen).order_by().values_list("pk", name))


def ranks(
    policy: RetentionPolicy, everything: QuerySet[Any], place: Place, keys: Collection[int]
) -> Mapping[int, int]:
    """Look up ranks, which takes no more than what belongs to the same owners."""
    owner = f"{place.of}owner"
    mine = everything.filter(pk__among=keys).order_by()
    owners = set(mine.values_list(owner, flat=True))
    same = everything.filter(**{f"{owner}__among": owners})
    return look_up(ranked(policy, same, place), "rank", keys)


def measure(
    policy: RetentionPolicy,
    everything: QuerySet[Any],
    place: Place,
    keys: Collection[int],
    *,
    limit: Bound | None,
    lacking: Mapping[int, int] = NONE,
) -> dict[int, Measure]:
    """Take the measures that a policy's rules ask for of the rows with these keys."""
    rank, newer = NONE, NONE
    if policy.keep_newest is not None:
        rank = ranks(policy, everything, place, keys)
    if limit is not None:
        over = everything.filter(older(policy, everything, place, limit), pk__among=keys).order_by()
        newer = dict.fromkeys(over.values_list("pk", flat=True), limit.newer_bytes)
    return {key: Measure(rank.get(key), newer.get(key), lacking.get(key)) for key in keys}


def keys(rows: QuerySet[Any], *, most: int = AT_ONCE) -> Iterator[list[int]]:
    """Yield the ids of rows in their order; the choice is made once, at eight bytes an id."""
    found = array("q", rows.values_list("pk", flat=True).iterator(chunk_size=most))
    for start in range(0, len(found), most):
        yield found[start : start + most].tolist()
