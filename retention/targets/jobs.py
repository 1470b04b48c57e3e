"""Jobs that have ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from recordings.models import Job
from recordings.trash import delete_rows
from retention import words
from retention.choices import Action, Clock
from retention.decide import Facts
from retention.models import RetentionPolicy
from retention.targets import library
from retention.targets.base import Result, Target, Work, remove_rows


class Jobs(Target):
    slug = "jobs"
    noun = "jobs"
    removes = "The rows of jobs that have ended, with their logs; never a job that waits or runs."
    clocks = (Clock.PROCESSED,)
    actions = (Action.REPORT, Action.DELETE)
    scopes = frozenset({"owners", "groups"})

    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        rows = Job.objects.finished().filter(library.owners_in_scope(policy))
        for batch in library.batches(rows.filter(finished_at__lte=library.cutoff(policy, at))):
            yield self.facts(batch)

    def facts(self, jobs: Sequence[Job]) -> list[Facts]:
        return [
            Facts(
                name=f"job {job.pk}",
                id=job.pk,
                recording_id=job.recording_id,
                owner_id=job.owner_id,
                counted_from=job.finished_at,
            )
            for job in jobs
        ]

    def remove(self, work: Work) -> Mapping[int | str, Result]:
        rows = Job.objects.finished().filter(library.owners_in_scope(work.policy))
        found = list(rows.filter(pk__in=work.keys).order_by("pk").select_for_update())

        def remove(pks: list[int]) -> None:
            delete_rows(Job, pks)

        return remove_rows(work, self.facts(found), remove)

    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        if policy.max_age_seconds:
            return f"jobs{of} that ended more than {words.period(policy.max_age_seconds)} ago"
        return f"jobs{of} that have ended"
