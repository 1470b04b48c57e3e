"""Orphans that were in quarantine long enough for anybody to miss them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from recordings.ledger import quarantine
from recordings.ledger.models import StoredFile
from recordings.ledger.names import former_name, parse
from retention import words
from retention.choices import Action, Clock, Outcome
from retention.decide import Facts
from retention.models import RetentionPolicy
from retention.targets import library
from retention.targets.base import Result, Target, Work, sort_out
from retention.targets.orphans import blockers_by_name


class Quarantine(Target):
    slug = "quarantine"
    noun = "quarantined files"
    removes = (
        "Files in quarantine, with receipts; never one that is being moved or put back, nor one "
        "of a recording or a person on hold."
    )
    spares = "except held"
    clocks = (Clock.MODIFIED,)
    actions = (Action.REPORT, Action.DELETE)

    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        rows = quarantine.settled().filter(ready_at__lte=library.cutoff(policy, at))
        for batch in library.batches(rows):
            yield self.facts(batch)

    def facts(self, files: Sequence[StoredFile]) -> list[Facts]:
        former = {stored.pk: former_name(str(stored.file.name)) for stored in files}
        blockers = blockers_by_name(former.values())
        return [
            Facts(
                name=former[stored.pk],
                id=stored.pk,
                recording_id=parsed.recording_id if parsed else None,
                owner_id=parsed.owner_id if parsed else None,
                size=stored.size,
                counted_from=stored.ready_at,  # when it came to quarantine
                blockers=blockers.get(former[stored.pk], ()),
            )
            for stored in files
            for parsed in [parse(former[stored.pk])]
        ]

    def remove(self, work: Work) -> Mapping[int | str, Result]:
        rows = quarantine.settled().filter(pk__in=work.keys).order_by("pk")
        seen = self.facts(list(rows))  # takes the locks that placing a hold takes, files after
        there = set(rows.select_for_update().values_list("pk", flat=True))

        def act(due: Collection[Facts]) -> None:
            quarantine.condemn([facts.id for facts in due if facts.id], by=work.by)

        return sort_out(
            work,
            {facts.id: facts for facts in seen if facts.id in there},
            act,
            outcome=Outcome.DELETED,
            freeing=True,
        )

    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        if policy.max_age_seconds:
            return f"orphans{of} quarantined more than {words.period(policy.max_age_seconds)} ago"
        return f"all quarantined orphans{of}"
