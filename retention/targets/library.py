"""What the targets made of recordings share: scope, facts, what blocks them, and removal.

Not a target itself. Facts of a batch take a fixed number of queries, whatever its size.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.contrib.auth import get_user_model
from django.db.models import Count, Max, Min, Model, Q, QuerySet, Sum
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from recordings.archive import archive_locked
from recordings.ledger.models import Hold, StoredFile
from recordings.ledger.release import release
from recordings.ledger.wording import moment
from recordings.models import Job, Recording, RecordingFile
from recordings.trash import delete_rows, erase_locked, locked, trash_locked
from retention import archiving
from retention.choices import Action, Clock, Outcome
from retention.decide import Blocker, Facts
from retention.targets.base import BATCH_SIZE, Result, Target, Weight, Work, sort_out
from retention.targets.measures import COLUMNS, Measure, evenly

if TYPE_CHECKING:
    from retention.models import RetentionPolicy

Row = TypeVar("Row", bound=Model)
SCOPES: Final = frozenset({"owners", "groups", "labels"})
EXACT: Final = 100_000  # things whose bytes are added up one by one
SAMPLED: Final = 20_000  # ids that are looked up where there are more
UNMEASURED: Final[Mapping[int, Measure]] = MappingProxyType({})


class RecordingTarget(Target):
    """Whole recordings, either in their owners' libraries or in the trash."""

    spares = "except held and kept"
    scopes = SCOPES

    @abstractmethod
    def rows(self) -> QuerySet[Recording]:
        """All recordings that may ever be candidates."""

    def facts(
        self,
        policy: RetentionPolicy,
        recordings: Sequence[Recording],
        measures: Mapping[int, Measure] = UNMEASURED,
    ) -> list[Facts]:
        """Gather what decides about recordings, in three queries."""
        weights, reasons = sizes(recordings), blockers(recordings)
        return [
            Facts(
                name=recording.title,
                id=recording.pk,
                recording_id=recording.pk,
                owner_id=recording.owner_id,
                size=weights.get(recording.pk, 0),
                counted_from=counted_from(policy, recording),
                deadline=recording.purge_after,
                blockers=reasons[recording.pk],
                **measures.get(recording.pk, Measure())._asdict(),
            )
            for recording in recordings
        ]

    def now(self, work: Work, recordings: Sequence[Recording]) -> list[Facts]:
        """Gather the facts that decide about recordings at this moment."""
        return self.facts(work.policy, recordings)

    def batch_size(self, policy: RetentionPolicy) -> int:
        return archiving.batch_size(policy)

    def prepare(self, work: Work, alive: Callable[[], None]) -> None:
        pks = [key for key in work.keys if isinstance(key, int)]
        rows = in_scope(work.policy, self.rows()).filter(pk__in=pks)
        archiving.prepare(work, self.now(work, list(rows)), alive)

    def remove(self, work: Work) -> Mapping[int | str, Result]:
        with locked([int(key) for key in work.keys]) as found:
            return self.take(work, found)

    def take(self, work: Work, found: Sequence[Recording]) -> dict[int | str, Result]:
        """Take locked recordings, the way the policy says, that are in its scope and due."""
        by_id = {recording.pk: recording for recording in found}
        rows = in_scope(work.policy, self.rows()).filter(pk__in=by_id)
        inside = [by_id[pk] for pk in rows.values_list("pk", flat=True)]
        trashing = work.policy.action == Action.TRASH

        def act(due: Collection[Facts]) -> None:
            going = [by_id[facts.id] for facts in due if facts.id is not None]
            if trashing:
                trash_locked(going, by=work.by)
            elif work.policy.action == Action.ARCHIVE:
                archive_locked(going, by=work.by)
            else:
                erase_locked(going, by=work.by, reason=StoredFile.Reason.POLICY)

        return sort_out(
            work,
            archiving.by_id(work.policy, self.now(work, inside)),
            act,
            outcome=Outcome.TRASHED if trashing else Outcome.DELETED,
            freeing=not trashing,
        )

    def unblocked(self, rows: QuerySet[Recording]) -> QuerySet[Recording]:
        return rows.exclude(blocked())

    def weigh(self, rows: QuerySet[Recording]) -> tuple[Weight, int]:
        return weigh(rows, self.unblocked(rows), total_size)

    def show(self, policy: RetentionPolicy, rows: QuerySet[Recording], most: int) -> list[Facts]:
        # Where rows are compared no index gives them in order.
        order = () if policy.rules().is_relative else self.oldest_first(policy)
        return self.facts(policy, list(self.unblocked(rows).order_by(*order)[:most]))

    def oldest_first(self, policy: RetentionPolicy) -> tuple[str, ...]:
        return (COLUMNS.get(Clock(policy.clock), "created_at"), "pk")


def let_go(files: Collection[RecordingFile], *, by: str) -> None:
    """Release single files of recordings that the caller has locked."""
    release([file.stored_id for file in files], reason=StoredFile.Reason.POLICY, by=by)
    delete_rows(RecordingFile, [file.pk for file in files])


def in_scope(policy: RetentionPolicy, rows: QuerySet[Recording]) -> QuerySet[Recording]:
    """Keep recordings that the policy is for; none that is marked to be kept, for now or good."""
    return rows.filter(inside(policy))


def inside(policy: RetentionPolicy) -> Q:
    """Say in SQL what the policy is for."""
    return Q(Q(keep_until=None) | Q(keep_until__lte=Now()), keep=False) & of_scope(policy)


def scoped(policy: RetentionPolicy, rows: QuerySet[Recording]) -> QuerySet[Recording]:
    """Keep recordings of the scope's people with one of its labels."""
    return rows.filter(of_scope(policy))


def of_scope(policy: RetentionPolicy) -> Q:
    """Say in SQL whose recordings, and with which labels, are in the scope."""
    found = owners_in_scope(policy)
    if labels := policy.scope.get("labels"):
        through = Recording.labels.through.objects.filter(label__name__in=labels)
        found &= Q(pk__in=through.values("recording_id"))
    return found


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


def cutoff(policy: RetentionPolicy, at: datetime) -> datetime:
    """Return the latest moment that is old enough."""
    return at - timedelta(seconds=policy.max_age_seconds or 0)


def batches(rows: QuerySet[Row]) -> Iterator[list[Row]]:
    """Cut rows by primary key, so that a batch costs the same at any depth."""
    last = 0
    while batch := list(rows.filter(pk__gt=last).order_by("pk")[:BATCH_SIZE]):
        yield batch
        last = batch[-1].pk


def in_order(rows: QuerySet[Row], keys: Sequence[int]) -> Iterator[list[Row]]:
    """Load rows by their ids, in the order of those, a batch at a time."""
    for start in range(0, len(keys), BATCH_SIZE):
        found = rows.in_bulk(keys[start : start + BATCH_SIZE])
        yield [found[key] for key in keys[start : start + BATCH_SIZE] if key in found]


def sizes(recordings: Iterable[Recording]) -> dict[int | None, int]:
    """Sum up the stored bytes of each recording."""
    ids = [recording.pk for recording in recordings]
    files = StoredFile.objects.ready().filter(recording_id__in=ids).order_by()
    return dict(files.values_list("recording_id").annotate(total=Sum("size")))


def total_size(recordings: QuerySet[Any] | list[int]) -> int:
    """Add up the stored bytes of recordings, given as rows or by their ids."""
    if isinstance(recordings, list):
        chosen = Q(recording_id__among=recordings)
    else:
        chosen = Q(recording_id__in=recordings.values("pk"))
    files = StoredFile.objects.ready().filter(chosen)
    return int(files.aggregate(size=Sum("size", default=0))["size"])


def blockers(recordings: Sequence[Recording]) -> dict[int, tuple[Blocker, ...]]:
    """Find what keeps each recording, whatever the rules say."""
    found = blockers_of_any_state(recordings)
    uploading = Blocker(_("It is still being uploaded."), passing=True)
    return {
        recording.pk: found[recording.pk]
        + ((uploading,) if recording.state == Recording.State.UPLOADING else ())
        for recording in recordings
    }


def blockers_of_any_state(recordings: Sequence[Recording]) -> dict[int, tuple[Blocker, ...]]:
    """Find what keeps each recording, but for its being uploaded."""
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
    if recording.keep_until:
        yield Blocker(_kept_until(recording.keep_until), until=recording.keep_until)
    if busy:
        yield Blocker(_("It is being processed."), passing=True)


def blocked(of: str = "") -> Q:
    """Say in SQL what `blockers` finds; `of` leads from a row to its recording, with `__`."""
    holds = Hold.objects.active()
    held = holds.filter(recording_id__isnull=False).values("recording_id")
    owners = holds.filter(owner_id__isnull=False).values("owner_id")
    busy = Job.objects.open().filter(recording__isnull=False).values("recording_id")
    return (
        Q(**{f"{of}id__in": held})
        | Q(**{f"{of}owner_id__in": owners})
        | Q(**{f"{of}id__in": busy})
        | Q(**{f"{of}state": Recording.State.UPLOADING})
        | Q(**{f"{of}keep": True})
        | Q(**{f"{of}keep_until__isnull": False, f"{of}keep_until__gt": Now()})
    )


def weigh(
    rows: QuerySet[Any],
    going: QuerySet[Any],
    size: Callable[[QuerySet[Any] | list[int]], int],
    *,
    of: str = "",
) -> tuple[Weight, int]:
    """Weigh what goes of rows, in the database; count those that are kept.

    To add up a million sizes takes seconds, so beyond EXACT a sample is taken, spread over all.
    """
    free = Count("pk", filter=~blocked(of))
    each = rows.order_by().values(f"{of}owner_id")
    each = each.annotate(going=free, number=Count("pk"), low=Min("pk"), high=Max("pk"))
    found = each.aggregate(
        items=Sum("going", default=0),
        matched=Sum("number", default=0),
        owners=Count("going", filter=Q(going__gt=0)),
        first=Min("low"),
        last=Max("high"),
    )
    items, kept = found["items"], found["matched"] - found["items"]
    goes, going = Weight(items, found["owners"]), going.order_by()
    if items > EXACT:
        sample = evenly(found["first"], found["last"], SAMPLED)
        # What goes may follow a pattern of its own, so it counts how many the sample has hit.
        if pks := list(going.filter(pk__among=sample).values_list("pk", flat=True)):
            return goes._replace(size=size(pks) * items // len(pks), about=True), kept
    return goes._replace(size=size(going) if items else 0), kept


def _kept_until(until: datetime) -> str:
    return _("An administrator had this recording kept until %(date)s.") % {"date": moment(until)}


def counted_from(policy: RetentionPolicy, recording: Recording) -> datetime | None:
    """Read the policy's clock; who was never watched counts from his upload."""
    if policy.clock == Clock.WATCHED:
        return recording.last_watched_at or recording.created_at
    clock: Any = getattr(recording, COLUMNS[Clock(policy.clock)])
    return clock if isinstance(clock, datetime) else None


def old_enough(policy: RetentionPolicy, at: datetime) -> Q:
    """Say in SQL what the clock and age ask; decide() has the last word."""
    latest = cutoff(policy, at)
    if policy.clock == Clock.WATCHED:
        return Q(last_watched_at__lte=latest) | Q(last_watched_at=None, created_at__lte=latest)
    return Q(**{f"{COLUMNS[Clock(policy.clock)]}__lte": latest})
