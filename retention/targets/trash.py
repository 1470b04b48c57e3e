"""Recordings in the trash whose time is over."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from recordings.ledger.models import StoredFile
from recordings.models import Recording
from recordings.trash import erase_locked, locked
from retention.choices import Action, Clock, Outcome
from retention.decide import Facts
from retention.models import RetentionPolicy
from retention.targets import library
from retention.targets.base import Result, Target, Work, sort_out


class Trash(Target):
    """What is in the trash goes when the deadline stamped on it has passed, never before.

    The deadline is a promise to the owner, so a policy that is shortened later does not move it:
    its age is stamped on what is trashed from then on.
    """

    slug = "trash"
    noun = "recordings in the trash"
    removes = (
        "Recordings in the trash whose deadline, stamped when they were trashed, has passed; "
        "never one that is held or marked to be kept."
    )
    spares = "except held and kept"
    clocks = (Clock.TRASHED,)
    actions = (Action.REPORT, Action.DELETE)
    scopes = library.SCOPES

    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        rows = library.in_scope(policy, Recording.objects.trashed())
        for batch in library.batches(rows.filter(purge_after__lte=at)):
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
                counted_from=recording.trashed_at,
                deadline=recording.purge_after,
                blockers=blockers[recording.pk],
            )
            for recording in recordings
        ]

    def remove(self, work: Work) -> Mapping[int | str, Result]:
        with locked([int(key) for key in work.keys]) as found:
            by_id = {recording.pk: recording for recording in found}
            rows = library.in_scope(work.policy, Recording.objects.trashed().filter(pk__in=by_id))
            inside = [by_id[pk] for pk in rows.values_list("pk", flat=True)]

            def act(due: Collection[Facts]) -> None:
                going = [by_id[facts.id] for facts in due if facts.id is not None]
                erase_locked(going, by=work.by, reason=StoredFile.Reason.POLICY)

            return sort_out(
                work,
                {facts.id: facts for facts in self.facts(work.policy, inside) if facts.id},
                act,
                outcome=Outcome.DELETED,
                freeing=True,
            )

    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        return f"recordings{of} whose time in the trash is over"


def period() -> timedelta | None:
    """Return how long what is trashed now can be restored, as the policies in force have it.

    None, the site's usual time, where no policy for everyone says otherwise.
    """
    policies = RetentionPolicy.objects.in_force().filter(target=Trash.slug, action=Action.DELETE)
    ages = [policy.rules().max_age for policy in policies if not policy.is_scoped]
    return min(ages, default=None)
