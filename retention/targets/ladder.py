"""What goes first when the disk is too full: what can be made again, then whole recordings.

Not a target itself. Both oldest first. A rendition can be made again while the verified original
stands and no source rule is about to take it; transcripts, subtitles and posters never go alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from recordings.ledger.models import Account, StoredFile
from recordings.ledger.names import Kind
from recordings.models import Recording, RecordingFile
from retention.choices import Action, Outcome
from retention.decide import Facts
from retention.targets import library, measures, sizes
from retention.targets.base import Result, Work, sort_out
from retention.targets.measures import Bound, Measure, Place

if TYPE_CHECKING:
    from retention.models import RetentionPolicy


def sum_of(rows: QuerySet[Any], size: str) -> Coalesce:
    """Sum up the bytes of a recording's rows, as a column beside it."""
    each = rows.filter(recording_id=OuterRef("pk")).order_by().values("recording_id")
    return Coalesce(Subquery(each.annotate(sum=Sum(size)).values("sum")), 0)


def live_but(outside: QuerySet[Recording]) -> int:
    """Return the bytes of recordings in libraries without some, from the books of the accounts."""
    live = Account.objects.aggregate(size=Sum(F("used") - F("in_trash"), default=0))["size"]
    files = StoredFile.objects.ready().filter(owner_id__isnull=False, trashed=False)
    of_none = Q(recording_id=None)
    of_these = Q(recording_id__in=outside.order_by().values("pk"))
    for others in (of_none, of_these):  # apart, for each has its own way through the index
        live -= files.filter(others).aggregate(size=Sum("size", default=0))["size"]
    return int(live)


def renditions() -> QuerySet[RecordingFile]:
    """Files that can be made again from another of the recording that stays."""
    standing = RecordingFile.objects.current().filter(
        recording=OuterRef("recording"), stored__state=StoredFile.State.READY, leaves_at=None
    )
    original = Q(Exists(standing.filter(kind=Kind.ORIGINAL)))
    trimmed = Q(Exists(standing.filter(kind=Kind.TRIMMED)))
    return RecordingFile.objects.current().filter(
        Q(kind=Kind.TRIMMED) & original | Q(kind=Kind.AUDIO) & (original | trimmed),
        stored__state=StoredFile.State.READY,
        recording__state=Recording.State.READY,
    )


def stored_sizes() -> QuerySet[Any]:
    return StoredFile.objects.ready().order_by().values(key=F("recording_id"), bytes=F("size"))


def part_sizes() -> QuerySet[Any]:
    return RecordingFile.objects.order_by().values(key=F("pk"), bytes=F("stored__size"))


WHOLE: Final = Place(of="", size=sum_of(StoredFile.objects.ready(), "size"), sizes=stored_sizes)
REST: Final = replace(WHOLE, size=WHOLE.size - sum_of(renditions(), "stored__size"))
PART: Final = Place(of="recording__", size=F("stored__size"), sizes=part_sizes)


@dataclass(frozen=True)
class Ladder:
    """Recordings in a policy's scope, compared with each other.

    `everything` is what they are compared with, `old` says which of them the age would have gone;
    `needed` are the bytes that the disk needs, where the policy asks about it; `total` is what
    everything takes, where that is known.
    """

    policy: RetentionPolicy
    everything: QuerySet[Recording]
    old: Q
    needed: int = 0
    total: int | None = None

    @cached_property
    def limit(self) -> Bound | None:
        """The first that does not fit, looked for once in the life of this object."""
        return sizes.bound(self.policy, self.everything, WHOLE, total=self.total)

    @cached_property
    def met(self) -> QuerySet[Recording]:
        """Apply every rule but the one about the disk."""
        return measures.beyond(self.policy, self.everything, WHOLE, self.limit).filter(self.old)

    @cached_property
    def parts(self) -> QuerySet[Any]:
        """Renditions in their turn, with what the disk lacks by then."""
        return measures.in_turn(
            self.policy,
            self.renditions,
            PART,
            blocked=library.blocked(PART.of),
            needed=self.needed,
        )

    @cached_property
    def wholes(self) -> QuerySet[Any]:
        """Recordings in their turn, which comes when all renditions have gone."""
        free = self.renditions.exclude(library.blocked(PART.of))
        before = free.aggregate(size=Sum("stored__size", default=0))["size"]
        return measures.in_turn(
            self.policy, self.met, REST, blocked=library.blocked(), needed=self.needed - before
        )

    @property
    def renditions(self) -> QuerySet[RecordingFile]:
        inside = renditions().filter(recording__in=self.met.order_by().values("pk"))
        if self.policy.action == Action.ARCHIVE:  # which takes them along with the rest
            inside = inside.none()
        return inside.select_related("recording", "stored")

    @property
    def due(self) -> QuerySet[Any]:
        """Recordings that every rule would have gone, in the order in which they go."""
        if self.policy.rules().disk:
            return self.wholes.filter(lacking__gt=0)
        # By owner, so that a batch is compared with little else.
        return self.met.order_by("owner_id", "pk")

    def measure(self, recordings: Collection[int]) -> dict[int, Measure]:
        """Measure recordings as the policy's rules ask."""
        lacking: Mapping[int, int] = {}
        if self.policy.rules().disk:
            lacking = measures.look_up(self.wholes, "lacking", recordings)
        return self._measured(recordings, lacking)

    def _measured(
        self, recordings: Collection[int], lacking: Mapping[int, int]
    ) -> dict[int, Measure]:
        return measures.measure(
            self.policy, self.everything, WHOLE, recordings, limit=self.limit, lacking=lacking
        )

    def gone_before(self, recordings: Collection[int]) -> dict[int, int]:
        """Sum up by recording the renditions whose turn is earlier than its own."""
        if not self.policy.rules().disk:
            return {}
        parts = self.renditions.filter(recording_id__in=recordings).order_by()
        return dict(parts.values_list("recording_id").annotate(size=Sum("stored__size")))

    def renditions_due(self) -> Iterator[list[Facts]]:
        """Yield the renditions that would have to go, in their order."""
        for keys in measures.keys(self.parts.filter(lacking__gt=0)):
            lacking = measures.look_up(self.parts, "lacking", keys)
            for files in library.in_order(self.renditions, keys):
                yield self.facts(files, lacking)

    def facts(self, files: Sequence[RecordingFile], lacking: Mapping[int, int]) -> list[Facts]:
        """Gather what decides about renditions, known by name; their recording's measures too."""
        owners = {file.recording_id for file in files}
        found = self._measured(owners, {})
        reasons = library.blockers([file.recording for file in files])
        return [
            Facts(
                name=str(file.stored.file.name),
                recording_id=file.recording_id,
                owner_id=file.recording.owner_id,
                size=file.stored.size,
                counted_from=library.counted_from(self.policy, file.recording),
                blockers=reasons[file.recording_id],
                **found[file.recording_id]._replace(lacking=lacking.get(file.pk))._asdict(),
            )
            for file in files
        ]

    def take(self, work: Work, locked: Sequence[Recording]) -> dict[int | str, Result]:
        """Remove the renditions of a batch that are of recordings the caller has locked."""
        mine = self.renditions.filter(recording__in=[recording.pk for recording in locked])
        files = list(mine.filter(stored__file__in=work.keys))
        by_name = {str(file.stored.file.name): file for file in files}
        lacking = measures.look_up(self.parts, "lacking", [file.pk for file in files])

        def act(due: Collection[Facts]) -> None:
            library.let_go([by_name[facts.name] for facts in due], by=work.by)

        rows: dict[int | str, Facts] = {facts.name: facts for facts in self.facts(files, lacking)}
        return sort_out(work, rows, act, outcome=Outcome.DELETED, freeing=True)
