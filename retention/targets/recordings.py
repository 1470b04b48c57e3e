"""Recordings in their owners' libraries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from django.db.models import Min, Q, QuerySet

from recordings.models import Recording, RecordingFile
from recordings.trash import locked
from retention import disk, words
from retention.choices import Action, Clock, Rule
from retention.decide import Facts
from retention.models import RetentionPolicy
from retention.targets import library, measures, ranks
from retention.targets.base import Result, Survey, Weight, Work
from retention.targets.ladder import WHOLE, Ladder, live_but


class Recordings(library.RecordingTarget):
    """Whole recordings; for a full disk, first the renditions that can be made again.

    Those have no id among the items: they are known by the names of their files.
    """

    slug = "recordings"
    noun = "recordings"
    removes = (
        "Recordings that are not in the trash, with all their files; never one that is held, "
        "marked to be kept, being uploaded or being processed. While a disk is too full, first "
        "their renditions of which the verified original stands."
    )
    clocks = (
        Clock.UPLOADED,
        Clock.RECORDED,
        Clock.PROCESSED,
        Clock.WATCHED,
        Clock.EXPIRE_AT,
    )
    actions = (Action.REPORT, Action.TRASH, Action.DELETE, Action.ARCHIVE)
    rules = (Rule.AGE, Rule.KEEP_NEWEST, Rule.TOTAL_SIZE, Rule.DISK)
    has_percent = True

    def rows(self) -> QuerySet[Recording]:
        return Recording.objects.live()

    def ladder(self, policy: RetentionPolicy, at: datetime, *, needed: int = 0) -> Ladder:
        """Compare what is in the scope; an upload may yet fail, so nothing is measured by it."""
        everything = self.rows().filter(self.compared_with(policy))
        return Ladder(policy, everything, library.old_enough(policy, at), needed)

    def compared_with(self, policy: RetentionPolicy) -> Q:
        inside = library.inside(policy)
        if policy.rules().compares:
            inside &= ~Q(state=Recording.State.UPLOADING)
        return inside

    def shown(self, policy: RetentionPolicy, at: datetime) -> Ladder:
        """Compare the same for a page: what all of it takes is read from the accounts.

        A run adds the files up, which takes longer and relies on no other books.
        """
        steps = self.ladder(policy, at)
        if policy.max_total_bytes is None or policy.is_scoped:
            return steps
        rows = self.rows().annotate(counted=WHOLE.clock(policy))
        outside = rows.filter(~self.compared_with(policy) | Q(counted=None))
        return replace(steps, total=live_but(outside))

    def matching(self, policy: RetentionPolicy, at: datetime) -> QuerySet[Recording] | None:
        return None if policy.rules().disk else self.shown(policy, at).met

    def condition(self, policy: RetentionPolicy, at: datetime) -> Q | None:
        if policy.rules().is_relative:
            return None
        return library.inside(policy) & library.old_enough(policy, at)

    def survey(self, policy: RetentionPolicy, at: datetime, most: int) -> Survey | None:
        if policy.keep_newest is None or policy.rules().disk:
            return super().survey(policy, at, most)
        survey, pks = ranks.survey(self.shown(policy, at))
        examples = list(Recording.objects.filter(pk__in=pks[:most]))
        return survey._replace(samples=self.facts(policy, examples))

    def difference(
        self, policy: RetentionPolicy, former: RetentionPolicy, at: datetime
    ) -> tuple[Weight, Weight] | None:
        if not ranks.alike(policy, former):
            return None
        return ranks.difference(self.shown(policy, at), self.shown(former, at))

    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        rules, needed = policy.rules(), disk.needed(policy)
        steps = self.ladder(policy, at, needed=needed)
        if not rules.is_relative:
            for batch in library.batches(steps.met):
                yield self.facts(policy, batch)
        elif not rules.disk:
            yield from self.compared(steps)
        elif needed:
            yield from steps.renditions_due()
            yield from self.compared(steps)

    def compared(self, steps: Ladder) -> Iterator[list[Facts]]:
        """Gather the facts of recordings in their order, with what compares them to others."""
        for keys in measures.keys(steps.due):
            found, gone = steps.measure(keys), steps.gone_before(keys)
            for batch in library.in_order(Recording.objects.all(), keys):
                facts = self.facts(steps.policy, batch, found)
                yield [replace(one, size=one.size - gone.get(one.id or 0, 0)) for one in facts]

    def now(self, work: Work, recordings: Sequence[Recording]) -> list[Facts]:
        if not work.policy.rules().is_relative:
            return self.facts(work.policy, recordings)
        needed = disk.needed(work.policy, under_way=work.under_way)
        steps = self.ladder(work.policy, work.at, needed=needed)
        return self.facts(work.policy, recordings, steps.measure([one.pk for one in recordings]))

    def remove(self, work: Work) -> Mapping[int | str, Result]:
        """Remove the renditions of a batch, which come first, and then its recordings."""
        names = [key for key in work.keys if isinstance(key, str)]
        pks = {key for key in work.keys if isinstance(key, int)}
        parts = RecordingFile.objects.filter(stored__file__in=names)
        with locked(pks.union(parts.values_list("recording_id", flat=True))) as found:
            needed = disk.needed(work.policy, under_way=True)
            steps = self.ladder(work.policy, work.at, needed=needed)
            gone = steps.take(replace(work, keys=names), found) if names else {}
            whole = [recording for recording in found if recording.pk in pks]
            return gone | self.take(replace(work, keys=sorted(pks)), whole)

    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        return words.aged(policy, f"recordings{of}")

    def refusal(self, policy: RetentionPolicy, at: datetime) -> str:
        return self.short_history(policy, at) or disk.refusal(policy)

    def short_history(self, policy: RetentionPolicy, at: datetime) -> str:
        """Refuse to call unwatched what was there before anyone noted watching."""
        if policy.clock != Clock.WATCHED:
            return ""
        known = Recording.objects.aggregate(first=Min("last_watched_at"))["first"]
        latest = library.cutoff(policy, at)
        if known is not None and known <= latest:
            return ""
        return (
            "The history of what was watched is shorter than the "
            f"{words.period(policy.max_age_seconds or 0)} this policy asks about, so nothing is "
            "removed yet."
        )

    def total(self, policy: RetentionPolicy) -> int:
        return library.in_scope(policy, self.rows()).count()
