"""Originals that a verified rendition stands in for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.models import Recording, RecordingFile
from recordings.trash import locked
from retention import words
from retention.choices import Action, Clock, Rule
from retention.decide import Facts
from retention.models import RetentionPolicy
from retention.targets import library, measures, sizes, stored
from retention.targets.base import Result, Target, Weight, Work, remove_rows
from retention.targets.ladder import PART
from retention.targets.measures import Bound, Measure


class Originals(Target):
    """The uploaded file of a recording that can be watched without it.

    Source rules have their own deadlines; of both, the sooner wins.
    """

    slug = "originals"
    noun = "originals"
    removes = (
        "The uploaded original of a processed recording of which a verified rendition stands; "
        "never of one that is held, marked to be kept or being processed."
    )
    spares = "except held and kept"
    clocks = (Clock.PROCESSED, Clock.UPLOADED)
    actions = (Action.REPORT, Action.DELETE)
    rules = (Rule.AGE, Rule.TOTAL_SIZE)
    scopes = library.SCOPES
    has_percent = True

    def everything(self, policy: RetentionPolicy) -> QuerySet[RecordingFile]:
        """What originals are compared with: all that are spare in the scope."""
        return spare().filter(recording__in=library.in_scope(policy, Recording.objects.all()))

    def matching(self, policy: RetentionPolicy, at: datetime) -> QuerySet[RecordingFile]:
        return self.met(policy, at, self.limit(policy))

    def met(
        self, policy: RetentionPolicy, at: datetime, limit: Bound | None
    ) -> QuerySet[RecordingFile]:
        """Apply every rule; `limit` is the first that does not fit."""
        old = Recording.objects.filter(library.old_enough(policy, at))
        rows = measures.beyond(policy, self.everything(policy), PART, limit)
        return rows.filter(recording__in=old)

    def limit(self, policy: RetentionPolicy) -> Bound | None:
        return sizes.bound(policy, self.everything(policy), PART)

    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        limit = self.limit(policy)
        for keys in measures.keys(self.met(policy, at, limit).order_by("pk")):
            found = self.measures(policy, keys, limit)
            for batch in library.in_order(spare(), keys):
                yield self.facts(policy, batch, found)

    def measures(
        self, policy: RetentionPolicy, keys: Collection[int], limit: Bound | None
    ) -> dict[int, Measure]:
        return measures.measure(policy, self.everything(policy), PART, keys, limit=limit)

    def facts(
        self,
        policy: RetentionPolicy,
        files: Sequence[RecordingFile],
        found: Mapping[int, Measure] = library.UNMEASURED,
    ) -> list[Facts]:
        """Gather what decides about originals, in two queries."""
        return stored.gather(
            files, lambda file: library.counted_from(policy, file.recording), found
        )

    def remove(self, work: Work) -> Mapping[int | str, Result]:
        wanted = RecordingFile.objects.filter(pk__in=work.keys)
        with locked(set(wanted.values_list("recording_id", flat=True))) as found:
            mine = self.everything(work.policy).filter(recording__in=[one.pk for one in found])
            files = list(mine.filter(pk__in=work.keys))
            by_id = {file.pk: file for file in files}
            facts = self.facts(
                work.policy, files, self.measures(work.policy, list(by_id), self.limit(work.policy))
            )

            def remove(pks: list[int]) -> None:
                library.let_go([by_id[pk] for pk in pks], by=work.by)

            return remove_rows(work, facts, remove)

    def weigh(self, rows: QuerySet[RecordingFile]) -> tuple[Weight, int]:
        def size(going: QuerySet[RecordingFile] | list[int]) -> int:
            if isinstance(going, list):
                going = RecordingFile.objects.filter(pk__among=going)
            return int(going.aggregate(size=Sum("stored__size", default=0))["size"])

        return library.weigh(rows, self.unblocked(rows), size, of=PART.of)

    def show(
        self, policy: RetentionPolicy, rows: QuerySet[RecordingFile], most: int
    ) -> list[Facts]:
        return self.facts(policy, list(self.unblocked(rows).order_by("pk")[:most]))

    def unblocked(self, rows: QuerySet[RecordingFile]) -> QuerySet[RecordingFile]:
        return rows.exclude(library.blocked(PART.of))

    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        if policy.max_age_seconds:
            return words.aged(policy, f"originals{of}")
        return f"originals{of} that have a rendition"

    def total(self, policy: RetentionPolicy) -> int:
        inside = library.in_scope(policy, Recording.objects.all())
        originals = RecordingFile.objects.current().filter(kind=Kind.ORIGINAL)
        return originals.filter(recording__in=inside).count()


def spare() -> QuerySet[RecordingFile]:
    """Originals that are not needed: video has its trimmed rendition, sound its audio."""
    standing = RecordingFile.objects.current().filter(
        recording=OuterRef("recording"), stored__state=StoredFile.State.READY
    )
    return (
        RecordingFile.objects.current()
        .filter(
            Q(recording__width=None) & Q(Exists(standing.filter(kind=Kind.AUDIO)))
            | Q(recording__width__isnull=False) & Q(Exists(standing.filter(kind=Kind.TRIMMED))),
            kind=Kind.ORIGINAL,
            recording__state=Recording.State.READY,
        )
        .select_related("recording", "stored")
    )
