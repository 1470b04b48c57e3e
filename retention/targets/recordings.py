"""Recordings in their owners' libraries."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from django.db.models import Min

from recordings.ledger.models import StoredFile
from recordings.models import Recording
from recordings.trash import erase_locked, locked, trash_locked
from retention import words
from retention.choices import Action, Clock, Outcome
from retention.decide import Facts
from retention.models import RetentionPolicy
from retention.targets import library
from retention.targets.base import Result, Target, Work, sort_out


class Recordings(Target):
    slug = "recordings"
    noun = "recordings"
    removes = (
        "Recordings that are not in the trash, with all their files; never one that is held, "
        "marked to be kept, being uploaded or being processed."
    )
    spares = "except held and kept"
    clocks = (
        Clock.UPLOADED,
        Clock.RECORDED,
        Clock.PROCESSED,
        Clock.WATCHED,
        Clock.EXPIRE_AT,
    )
    actions = (Action.REPORT, Action.TRASH, Action.DELETE)
    scopes = library.SCOPES
    has_percent = True

    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        rows = library.in_scope(policy, Recording.objects.live())
        for batch in library.batches(rows.filter(library.old_enough(policy, at))):
            yield self.facts(policy, batch)

    def facts(self, policy: RetentionPolicy, recordings: Sequence[Recording]) -> list[Facts]:
        """Gather what decides about recordings, in three queries."""
        sizes, blockers = library.sizes(recordings), library.blockers(recordings)
        return [
            Facts(
                name=recording.title,
                id=recording.pk,
                recording_id=recording.pk,
                owner_id=recording.owner_id,
                size=sizes.get(recording.pk, 0),
                counted_from=library.counted_from(policy, recording),
                blockers=blockers[recording.pk],
            )
            for recording in recordings
        ]

    def remove(self, work: Work) -> Mapping[int | str, Result]:
        with locked([int(key) for key in work.keys]) as found:
            by_id = {recording.pk: recording for recording in found}
            rows = library.in_scope(work.policy, Recording.objects.live().filter(pk__in=by_id))
            inside = [by_id[pk] for pk in rows.values_list("pk", flat=True)]

            def act(due: Collection[Facts]) -> None:
                going = [by_id[facts.id] for facts in due if facts.id is not None]
                if work.policy.action == Action.TRASH:
                    trash_locked(going, by=work.by)
                else:
                    erase_locked(going, by=work.by, reason=StoredFile.Reason.POLICY)

            trashing = work.policy.action == Action.TRASH
            return sort_out(
                work,
                {facts.id: facts for facts in self.facts(work.policy, inside) if facts.id},
                act,
                outcome=Outcome.TRASHED if trashing else Outcome.DELETED,
                freeing=not trashing,
            )

    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        return words.aged(policy, f"recordings{of}")

    def refusal(self, policy: RetentionPolicy, at: datetime) -> str:
        """Refuse to call unwatched what was there before anyone noted watching."""
        if policy.clock != Clock.WATCHED:
            return ""
        known = Recording.objects.aggregate(first=Min("last_watched_at"))["first"]
        latest = library.cutoff(policy, at)
        if known is not None and latest is not None and known <= latest:
            return ""
        return (
            "The history of what was watched is shorter than the "
            f"{words.period(policy.max_age_seconds or 0)} this policy asks about, so nothing is "
            "removed yet."
        )

    def total(self, policy: RetentionPolicy) -> int:
        return library.in_scope(policy, Recording.objects.live()).count()
