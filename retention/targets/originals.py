"""Originals that a verified rendition stands in for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.release import release
from recordings.models import Recording, RecordingFile
from recordings.trash import delete_rows, locked
from retention import words
from retention.choices import Action, Clock, Outcome
from retention.decide import Facts
from retention.models import RetentionPolicy
from retention.targets import library
from retention.targets.base import Result, Target, Work, sort_out


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
    scopes = library.SCOPES
    has_percent = True

    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        old = library.in_scope(policy, Recording.objects.filter(library.old_enough(policy, at)))
        for batch in library.batches(spare().filter(recording__in=old)):
            yield self.facts(policy, batch)

    def facts(self, policy: RetentionPolicy, files: Sequence[RecordingFile]) -> list[Facts]:
        """Gather what decides about originals, in two queries."""
        blockers = library.blockers([file.recording for file in files])
        return [
            Facts(
                name=str(file.stored.file.name),
                id=file.pk,
                recording_id=file.recording_id,
                owner_id=file.recording.owner_id,
                size=file.stored.size,
                counted_from=library.counted_from(policy, file.recording),
                blockers=blockers[file.recording_id],
            )
            for file in files
        ]

    def remove(self, work: Work) -> Mapping[int | str, Result]:
        wanted = RecordingFile.objects.filter(pk__in=work.keys)
        with locked(set(wanted.values_list("recording_id", flat=True))) as found:
            inside = library.in_scope(
                work.policy, Recording.objects.filter(pk__in=[row.pk for row in found])
            )
            files = list(spare().filter(pk__in=work.keys, recording__in=inside))
            stored = {file.pk: file.stored_id for file in files}

            def act(due: Collection[Facts]) -> None:
                ids = [facts.id for facts in due if facts.id is not None]
                release([stored[pk] for pk in ids], reason=StoredFile.Reason.POLICY, by=work.by)
                delete_rows(RecordingFile.objects.filter(pk__in=ids))

            return sort_out(
                work,
                {facts.id: facts for facts in self.facts(work.policy, files) if facts.id},
                act,
                outcome=Outcome.DELETED,
                freeing=True,
            )

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
