"""Uploads and imports that were begun and came to nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from recordings.ledger import leases
from recordings.ledger.models import StoredFile
from recordings.ledger.publish import LEASE
from recordings.models import Recording, ResumableUpload
from recordings.querysets import RecordingQuerySet
from recordings.trash import erase_locked, locked
from retention import words
from retention.choices import Action, Clock, Outcome
from retention.decide import Blocker, Facts
from retention.models import RetentionPolicy
from retention.targets import library
from retention.targets.base import Result, Target, Work, sort_out


class Uploads(Target):
    """What a crash broke off goes within minutes; this is for what stays behind all the same."""

    slug = "uploads"
    noun = "abandoned uploads"
    removes = (
        "Recordings whose file never came in whole, with what had come of it; never one that a "
        "process is still writing, that waits for its import, or that is held."
    )
    spares = "except those under way"
    clocks = (Clock.MODIFIED,)
    actions = (Action.REPORT, Action.DELETE)
    scopes = frozenset({"owners", "groups"})

    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        rows = unfinished().filter(library.owners_in_scope(policy))
        latest = library.cutoff(policy, at)
        for batch in library.batches(rows.filter(created_at__lte=latest)):
            yield self.facts(batch, at)

    def facts(
        self, recordings: Sequence[Recording], at: datetime, *, lock: bool = False
    ) -> list[Facts]:
        """Gather what decides about uploads, in five queries; with `lock` nobody goes on then."""
        rows = ResumableUpload.objects.filter(recording__in=recordings).order_by("pk").defer("head")
        coming: dict[int | None, StoredFile | ResumableUpload] = {
            upload.recording_id: upload for upload in (rows.select_for_update() if lock else rows)
        }
        blockers = library.blockers_of_any_state(recordings)
        writing = StoredFile.objects.filter(
            recording_id__in=[recording.pk for recording in recordings],
            state=StoredFile.State.WRITING,
        )
        for stored in writing:
            coming.setdefault(stored.recording_id, stored)
        return [
            Facts(
                name=f"upload {recording.pk}",
                id=recording.pk,
                recording_id=recording.pk,
                owner_id=recording.owner_id,
                counted_from=self.last_sign(recording, coming.get(recording.pk)),
                blockers=blockers[recording.pk]
                + self.under_way(recording, coming.get(recording.pk), at),
            )
            for recording in recordings
        ]

    def last_sign(
        self, recording: Recording, writing: StoredFile | ResumableUpload | None
    ) -> datetime:
        """Return when it was last alive: a writer renews its lease as bytes come.

        The file of an upload that can be resumed rests with a long lease; its row knows better.
        """
        if isinstance(writing, ResumableUpload):
            return writing.touched_at
        if writing is None or writing.lease_until is None:
            return recording.created_at
        return max(recording.created_at, writing.lease_until - LEASE)

    def under_way(
        self, recording: Recording, writing: StoredFile | ResumableUpload | None, at: datetime
    ) -> tuple[Blocker, ...]:
        """An upload has a live writer, or is so young that it may be about to get one.

        One that can be resumed and rests has none, however young it is.
        """
        if writing is None or leases.is_gone(writing.claimed_by):
            live = writing is None and recording.created_at > at - LEASE
        else:
            live = writing.lease_until is not None and writing.lease_until > at
        return (Blocker("It is being uploaded.", passing=True),) if live else ()

    def remove(self, work: Work) -> Mapping[int | str, Result]:
        with locked([int(key) for key in work.keys]) as found:
            by_id = {recording.pk: recording for recording in found}
            rows = unfinished().filter(library.owners_in_scope(work.policy), pk__in=by_id)
            inside = [by_id[pk] for pk in rows.values_list("pk", flat=True)]

            def act(due: Collection[Facts]) -> None:
                going = [by_id[facts.id] for facts in due if facts.id is not None]
                erase_locked(going, by=work.by, reason=StoredFile.Reason.ABANDONED)

            return sort_out(
                work,
                {facts.id: facts for facts in self.facts(inside, work.at, lock=True) if facts.id},
                act,
                outcome=Outcome.DELETED,
                freeing=True,
            )

    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        if not policy.max_age_seconds:
            return f"all unfinished uploads{of}"
        return f"unfinished uploads{of} idle for {words.period(policy.max_age_seconds)}"


def unfinished() -> RecordingQuerySet:
    """The one place that says what an unfinished upload or import is."""
    return Recording.objects.filter(state=Recording.State.UPLOADING)
