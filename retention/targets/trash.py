"""Recordings in the trash whose time is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q, QuerySet

from recordings.models import Recording
from recordings.spans import period
from retention.choices import Action, Clock
from retention.decide import Facts
from retention.models import RetentionPolicy
from retention.targets import library


class Trash(library.RecordingTarget):
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
    clocks = (Clock.TRASHED,)
    actions = (Action.REPORT, Action.DELETE, Action.ARCHIVE)
    neglected = "Nothing else empties the trash by itself."

    def rows(self) -> QuerySet[Recording]:
        return Recording.objects.trashed()

    def matching(self, policy: RetentionPolicy, at: datetime) -> QuerySet[Recording]:
        return self.rows().filter(self.condition(policy, at))

    def condition(self, policy: RetentionPolicy, at: datetime) -> Q:
        return library.inside(policy) & Q(purge_after__lte=at)

    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        for batch in library.batches(self.matching(policy, at)):
            yield self.facts(policy, batch)

    def oldest_first(self, policy: RetentionPolicy) -> tuple[str, ...]:
        return ("purge_after", "pk")

    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        over = f"recordings{of} whose time in the trash is over"
        span = f" ({_span(policy)} for what is trashed under this policy)"
        return f"{over}{span}" if policy.is_promise else over

    def promises(self, policy: RetentionPolicy) -> str:
        from retention import promises  # which asks the policies, and they the targets

        keeps = "What is in the trash keeps the date it was given when it came there"
        if not policy.is_promise:
            return f"{keeps}; this policy sets none."
        if not policy.enabled:
            return f"{keeps}; this policy sets none while it is not enabled."
        other = promises.shortest(self.slug)
        if other and other.pk != policy.pk and other.rules().max_age < policy.rules().max_age:
            span = f"{_span(other)}, by the policy “{other.name}”, which allows less"
        else:
            span = _span(policy)
        can = f"What is trashed once this is accepted can be restored for at least {span}."
        return f"{keeps}. {can}"


def _span(policy: RetentionPolicy) -> str:
    return period(policy.max_age_seconds or 0)
