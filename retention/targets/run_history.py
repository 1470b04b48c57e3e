"""What policies did long ago: their runs, and the items of these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from recordings.trash import delete_rows
from retention import words
from retention.choices import Action, Clock, State
from retention.decide import Facts
from retention.models import RetentionPolicy, RetentionRun
from retention.targets import library
from retention.targets.base import Result, Target, Work, remove_rows


class RunHistory(Target):
    slug = "run_history"
    noun = "former runs"
    removes = (
        "Runs and previews that have ended, with their items; never one that is under way, "
        "being undone or waits for approval, nor the last run and the last preview of a policy. "
        "Receipts stay."
    )
    spares = "except each policy's last"
    clocks = (Clock.PROCESSED,)
    actions = (Action.REPORT, Action.DELETE)

    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        latest = library.cutoff(policy, at)
        for batch in library.batches(former().filter(finished_at__lte=latest)):
            yield self.facts(batch)

    def facts(self, runs: Sequence[RetentionRun]) -> list[Facts]:
        return [Facts(name=str(run), id=run.pk, counted_from=run.finished_at) for run in runs]

    def remove(self, work: Work) -> Mapping[int | str, Result]:
        rows = former().filter(pk__in=work.keys)
        found = list(rows.order_by("pk").select_for_update(of=("self",)))

        def remove(pks: list[int]) -> None:
            delete_rows(RetentionRun, pks)

        return remove_rows(work, self.facts(found), remove)

    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        if not policy.max_age_seconds:
            return "all former runs of policies"
        return f"runs of policies that ended more than {words.period(policy.max_age_seconds)} ago"


def former() -> QuerySet[RetentionRun]:
    """Runs that have ended and were followed by another of their policy and mode."""
    later = RetentionRun.objects.filter(
        policy=OuterRef("policy"), mode=OuterRef("mode"), pk__gt=OuterRef("pk")
    )
    busy = (*RetentionRun.OPEN, State.WAITING, State.UNDOING)
    ended = RetentionRun.objects.exclude(state__in=busy)
    return ended.filter(Exists(later)) | ended.filter(policy=None)
