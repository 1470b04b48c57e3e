"""What the targets made of recordings share: scope, facts and what blocks them.

Not a target itself. Facts of a batch take a fixed number of queries, whatever its size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.contrib.auth import get_user_model
from django.db.models import Model, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from recordings.ledger.models import Hold, StoredFile
from recordings.models import Job, Recording
from retention.choices import Clock
from retention.decide import Blocker
from retention.targets.base import BATCH_SIZE

if TYPE_CHECKING:
    from retention.models import RetentionPolicy

Row = TypeVar("Row", bound=Model)
SCOPES: Final = frozenset({"owners", "groups", "labels"})
COLUMNS: Final = {
    Clock.UPLOADED: "created_at",
    Clock.RECORDED: "recorded_at",
    Clock.PROCESSED: "processed_at",
    Clock.EXPIRE_AT: "expire_at",
    Clock.TRASHED: "trashed_at",
}


def in_scope(policy: RetentionPolicy, rows: QuerySet[Recording]) -> QuerySet[Recording]:
    """Keep recordings that the policy is for; none that is marked to be kept."""
    return scoped(policy, rows.filter(keep=False))


def scoped(policy: RetentionPolicy, rows: QuerySet[Recording]) -> QuerySet[Recording]:
    """Keep recordings of the scope's people with one of its labels."""
    if people := owners_in_scope(policy):
        rows = rows.filter(people)
    if labels := policy.scope.get("labels"):
        through = Recording.labels.through.objects.filter(label__name__in=labels)
        rows = rows.filter(pk__in=through.values("recording_id"))
    return rows


def owners_in_scope(policy: RetentionPolicy) -> Q:
    """Name the owners that the policy is for; an empty condition is everyone."""
    owners, groups = policy.scope.get("owners"), policy.scope.get("groups")
    members = get_user_model().objects.filter(groups__in=groups or [])
    people = Q()
    if owners:
        people |= Q(owner_id__in=owners)
    if groups:
        people |= Q(owner_id__in=members.values("pk"))
    return people


def cutoff(policy: RetentionPolicy, at: datetime) -> datetime | None:
    """Return the latest moment that is old enough; None when no date can be."""
    try:
        return at - timedelta(seconds=policy.max_age_seconds or 0)
    except OverflowError:
        return None


def batches(rows: QuerySet[Row]) -> Iterator[list[Row]]:
    """Cut rows by primary key, so that a batch costs the same at any depth."""
    last = 0
    while batch := list(rows.filter(pk__gt=last).order_by("pk")[:BATCH_SIZE]):
        yield batch
        last = batch[-1].pk


def sizes(recordings: Iterable[Recording]) -> dict[int | None, int]:
    """Sum up the stored bytes of each recording."""
    ids = [recording.pk for recording in recordings]
    files = StoredFile.objects.ready().filter(recording_id__in=ids).order_by()
    return dict(files.values_list("recording_id").annotate(total=Sum("size")))


def blockers(recordings: Sequence[Recording]) -> dict[int, tuple[Blocker, ...]]:
    """Find what keeps each recording, whatever the rules say."""
    ids = [recording.pk for recording in recordings]
    owner_ids = {recording.owner_id for recording in recordings}
    holds = list(Hold.objects.active().covering(owner_ids=owner_ids, recording_ids=ids))
    busy = set(Job.objects.open().filter(recording__in=ids).values_list("recording_id", flat=True))
    return {
        recording.pk: tuple(_blockers(recording, holds, busy=recording.pk in busy))
        for recording in recordings
    }


def _blockers(recording: Recording, holds: list[Hold], *, busy: bool) -> Iterator[Blocker]:
    for hold in holds:
        if hold.recording_id == recording.pk or hold.owner_id == recording.owner_id:
            yield Blocker(hold.sentence, until=hold.until)
    if recording.keep:
        yield Blocker(_("An administrator marked this recording to be kept."))
    if recording.state == Recording.State.UPLOADING:
        yield Blocker(_("It is still being uploaded."), passing=True)
    if busy:
        yield Blocker(_("It is being processed."), passing=True)


def counted_from(policy: RetentionPolicy, recording: Recording) -> datetime | None:
    """Read the policy's clock; who was never watched counts from his upload."""
    if policy.clock == Clock.WATCHED:
        return recording.last_watched_at or recording.created_at
    moment: Any = getattr(recording, COLUMNS[Clock(policy.clock)])
    return moment if isinstance(moment, datetime) else None


def old_enough(policy: RetentionPolicy, at: datetime) -> Q:
    """Say in SQL what the clock and age ask; decide() has the last word."""
    latest = cutoff(policy, at)
    if latest is None:
        return Q(pk__in=[])
    if policy.clock == Clock.WATCHED:
        return Q(last_watched_at__lte=latest) | Q(last_watched_at=None, created_at__lte=latest)
    return Q(**{f"{COLUMNS[Clock(policy.clock)]}__lte": latest})
