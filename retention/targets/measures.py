"""What compares one thing with others in a policy's scope: its rank, what is newer, its turn.

Not a target itself. All of it is asked of the database, over the whole scope, and again while a
batch is locked; things without a date by the policy's clock are not compared, so they stay.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.db.models import (
    BigIntegerField,
    Case,
    F,
    Q,
    QuerySet,
    RowRange,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.functions import Coalesce, RowNumber

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


class Measure(NamedTuple):
    """Where one thing stands among the others; None where no rule asks."""

    rank: int | None = None
    newer_bytes: int | None = None
    lacking: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where rows have what they are compared by: `of` leads to the recording, with `__`."""

    of: str
    size: Any  # an expression

    def clock(self, policy: RetentionPolicy) -> Any:
        """Read the policy's clock in SQL; who was never watched counts from his upload."""
        if policy.clock == Clock.WATCHED:
            return Coalesce(f"{self.of}last_watched_at", f"{self.of}created_at")
        return F(f"{self.of}{COLUMNS[Clock(policy.clock)]}")


def compared(policy: RetentionPolicy, rows: QuerySet[Any], place: Place) -> QuerySet[Any]:
    """Annotate `rank` and `newer_bytes` over all of `rows`, as far as the policy asks."""
    rows = rows.annotate(counted=place.clock(policy)).filter(counted__isnull=False)
    newest_first = [F("counted").desc(), F("pk").desc()]
    if policy.keep_newest is not None:
        owner = F(f"{place.of}owner_id")
        rank = Window(RowNumber(), partition_by=owner, order_by=newest_first)
        rows = rows.annotate(rank=rank)
    if policy.max_total_bytes is not None:
        upto = RowRange(None, 0)
        size = Window(Sum(place.size), order_by=newest_first, frame=upto)
        rows = rows.annotate(newer_bytes=size)
    return rows


def beyond(policy: RetentionPolicy, everything: QuerySet[Any], place: Place) -> Q:
    """Say in SQL which of everything in the scope is not among the newest that stay."""
    asked = {"rank__gt": policy.keep_newest, "newer_bytes__gt": policy.max_total_bytes}
    wanted = {name: value for name, value in asked.items() if value is not None}
    if not wanted:
        return Q()
    return Q(pk__in=compared(policy, everything, place).filter(**wanted).values("pk"))


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
    chosen = Q(**{f"{name}__isnull": True}) | Q(pk__in=keys)
    return dict(rows.filter(chosen).order_by().values_list("pk", name))


def measure(
    policy: RetentionPolicy,
    everything: QuerySet[Any],
    place: Place,
    keys: Collection[int],
    lacking: Mapping[int, int] = NONE,
) -> dict[int, Measure]:
    """Take the measures that a policy's rules ask for of the rows with these keys."""
    rows = compared(policy, everything, place)
    ranks = look_up(rows, "rank", keys) if policy.keep_newest is not None else {}
    newer = look_up(rows, "newer_bytes", keys) if policy.max_total_bytes is not None else {}
    return {key: Measure(ranks.get(key), newer.get(key), lacking.get(key)) for key in keys}


def keys(rows: QuerySet[Any], *, most: int = AT_ONCE) -> Iterator[list[int]]:
    """Yield the ids of rows in their order; the choice is made once, at eight bytes an id."""
    found = array("q", rows.values_list("pk", flat=True).iterator(chunk_size=most))
    for start in range(0, len(found), most):
        yield found[start : start + most].tolist()
