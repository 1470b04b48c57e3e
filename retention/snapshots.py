"""The site's figures, taken once a day: what is stored by kind, and what leaves in the next weeks.

Counting is done here and not in a request, since it reads every row there is. What leaves is
counted anew when the policies in force are others; however many edits there were, in one count.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from django.db import transaction
from django.db.models import Count, Sum
from django.utils.timezone import localdate

from recordings.ledger import leases
from recordings.ledger.models import StoredFile
from recordings.ledger.transactions import retried
from recordings.models import Recording
from retention import foreseen
from retention.clock import database_now
from retention.leaving import AHEAD, Leaving, dated_policies, soonest, within
from retention.models import Forecast, StorageSnapshot
from retention.targets import library

maintenance = logging.getLogger("mediasite.maintenance")

TURN: Final = "daily figures"  # the name of the lease
LEASE: Final = timedelta(minutes=30)
KEPT: Final = timedelta(days=730)  # of snapshots; forecasts go when there is a newer one
ALL: Final = ""  # the kind of the row that is written last and says that the day is done


def is_due() -> bool:
    """Whether the figures of this day are still to be taken."""
    day = localdate(database_now())
    return not StorageSnapshot.objects.filter(day=day, kind=ALL).exists()


def take() -> bool:
    """Take those figures that do not stand; False when all do, or another worker takes them."""
    token = leases.take(TURN, LEASE) if is_due() or foreseen.is_behind() else None
    if token is None:
        return False
    try:
        at = database_now()
        day = localdate(at)
        marks = foreseen.marks()  # before what is counted: an edit meanwhile makes them differ
        stored = _stored(day) if is_due() else []
        retried(partial(_store, day, stored, _foreseen(at), marks))
    finally:
        leases.give(TURN, token)
    maintenance.info("figures of %s taken", day)
    return True


def _stored(day: date) -> list[StorageSnapshot]:
    """Add up every kind of file, trash included, in one statement."""
    rows = StoredFile.objects.ready().order_by().values_list("kind")
    found = [
        StorageSnapshot(day=day, kind=kind, files=files, bytes=size)
        for kind, files, size in rows.annotate(files=Count("pk"), size=Sum("size", default=0))
    ]
    everything = StorageSnapshot(
        day=day,
        kind=ALL,
        files=sum(one.files for one in found),
        bytes=sum(one.bytes for one in found),
    )
    return [*found, everything]


def _foreseen(at: datetime) -> list[Forecast]:
    """Add up what leaves on each of the coming days, by the policy that is first."""
    items: Counter[tuple[date, str]] = Counter()
    sizes: Counter[tuple[date, str]] = Counter()
    for leaving in _leaving(at):
        place = localdate(leaving.leaves_at), leaving.policy.slug
        items[place] += 1
        sizes[place] += leaving.facts.size
    return [
        Forecast(
            foreseen_on=localdate(at), day=day, policy_slug=slug, items=count,
            bytes=sizes[day, slug],
        )
        for (day, slug), count in sorted(items.items())
    ]  # fmt: skip


def _leaving(at: datetime) -> Iterator[Leaving]:
    policies, until = dated_policies(at), at + AHEAD
    if not policies:
        return
    for batch in library.batches(within(Recording.objects.all(), policies, until)):
        for leaving in soonest(batch, policies, at):
            if leaving.leaves_at <= until:
                yield leaving


def _store(
    day: date, stored: list[StorageSnapshot], coming: list[Forecast], marks: Mapping[str, int]
) -> None:
    with transaction.atomic():
        StorageSnapshot.objects.filter(day__lt=day - KEPT).delete()
        Forecast.objects.all().delete()
        Forecast.objects.bulk_create(coming)
        foreseen.note(marks)
        StorageSnapshot.objects.bulk_create(stored, ignore_conflicts=True)
