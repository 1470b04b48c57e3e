"""What leaves owners' libraries soon: many recordings at once, as `explain` tells it of one.

Only policies that choose by age alone promise a date beforehand. Each is asked for the rows its
clock brings within the window, so what stays for long is never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, Final

from django.db.models import Q
from django.db.models.functions import Coalesce

from recordings.models import Recording
from recordings.querysets import RecordingQuerySet
from retention import fit, schedule
from retention.choices import Action, Clock, Rule
from retention.decide import Facts, decide
from retention.models import RetentionPolicy
from retention.targets import library
from retention.targets.measures import COLUMNS
from retention.targets.recordings import Recordings

AHEAD: Final = timedelta(days=30)
NOTHING: Final = Q(pk__in=[])


@dataclass(frozen=True, slots=True)
class Leaving:
    """One recording on its way out: `due_at` by the rules, `leaves_at` with the policy's run."""

    facts: Facts
    policy: RetentionPolicy
    due_at: datetime
    leaves_at: datetime

    @property
    def recording_id(self) -> int:
        return self.facts.recording_id or 0


def dated_policies(at: datetime) -> list[RetentionPolicy]:
    """The policies that remove recordings by themselves and can say when; none while stopped."""
    return [policy for policy in dated() if not Recordings().refusal(policy, at)]


def dated() -> list[RetentionPolicy]:
    """The same, those among them that refuse to run at the moment."""
    return [policy for policy in _removing() if set(fit.chosen(policy)) == {Rule.AGE}]


def comparing_policies(at: datetime) -> list[RetentionPolicy]:
    """Those that compare recordings, so that they cannot say when; none while stopped."""
    comparing = (policy for policy in _removing() if set(fit.chosen(policy)) != {Rule.AGE})
    return [policy for policy in comparing if not Recordings().refusal(policy, at)]


def _removing() -> list[RetentionPolicy]:
    if schedule.stopped():
        return []
    rows = RetentionPolicy.objects.in_force().filter(target=Recordings.slug)
    rows = rows.exclude(action=Action.REPORT).order_by("pk")
    return [policy for policy in rows if schedule.has_schedule(policy)]


def within(
    rows: RecordingQuerySet, policies: Sequence[RetentionPolicy], until: datetime
) -> RecordingQuerySet:
    """Keep live recordings that a policy may take before `until`, none that is held or kept.

    None that is still coming in either: an upload ends otherwise; see unfinished.py.
    """
    free = rows.live().not_held().not_kept(until).exclude(state=Recording.State.UPLOADING)
    return free.filter(reduce(or_, (_wanted(policy, until) for policy in policies), NOTHING))


def _wanted(policy: RetentionPolicy, until: datetime) -> Q:
    wanted = library.old_enough(policy, until)
    if policy.is_scoped:
        wanted &= Q(pk__in=library.scoped(policy, Recording.objects.all()).values("pk"))
    return wanted


def first_of(owner_id: int, *, at: datetime, most: int) -> list[Leaving]:
    """Return the first `most` of an owner's recordings that leave within AHEAD, by date."""
    policies, until = dated_policies(at), at + AHEAD
    pks: set[int] = set()
    for policy in policies:
        rows = within(Recording.objects.filter(owner_id=owner_id), [policy], until)
        extended = rows.filter(keep_until__gt=at)
        oldest = rows.exclude(keep_until__gt=at).order_by(_clock(policy), "pk")
        for found in (oldest, extended.order_by("keep_until", "pk")):
            pks.update(found.values_list("pk", flat=True)[:most])
    leaving = soonest(list(Recording.objects.filter(pk__in=pks)), policies, at)
    near = (one for one in leaving if one.leaves_at <= until)
    return sorted(near, key=lambda one: (one.leaves_at, one.recording_id))[:most]


def _clock(policy: RetentionPolicy) -> Any:
    if policy.clock == Clock.WATCHED:
        return Coalesce("last_watched_at", "created_at")
    return COLUMNS[Clock(policy.clock)]


def soonest(
    recordings: Sequence[Recording], policies: Sequence[RetentionPolicy], at: datetime
) -> Iterator[Leaving]:
    """Yield who takes each recording first and when; nothing of one on hold or to be kept."""
    found: dict[int, Leaving] = {}
    for policy in policies:
        for leaving in _taken(recordings, policy, at):
            former = found.get(leaving.recording_id)
            if former is None or leaving.leaves_at < former.leaves_at:
                found[leaving.recording_id] = leaving
    yield from found.values()


def _taken(
    recordings: Sequence[Recording], policy: RetentionPolicy, at: datetime
) -> Iterator[Leaving]:
    run: datetime | None = None
    dated = ((decide(policy.rules(), facts, at).at, facts) for facts in _facts(recordings, policy))
    for due, facts in sorted(
        ((due, facts) for due, facts in dated if due is not None), key=lambda pair: pair[0]
    ):
        if run is None or run < due:  # in order of the dates, the next run is the same for many
            run = schedule.first_run(policy, max(due, at))
        if run is not None:
            yield Leaving(facts, policy, due_at=due, leaves_at=run)


def _facts(recordings: Sequence[Recording], policy: RetentionPolicy) -> list[Facts]:
    mine = [one for one in recordings if library.counted_from(policy, one) is not None]
    if policy.is_scoped:
        rows = Recording.objects.filter(pk__in=[recording.pk for recording in mine])
        inside = set(library.scoped(policy, rows).values_list("pk", flat=True))
        mine = [recording for recording in mine if recording.pk in inside]
    return Recordings().facts(policy, mine) if mine else []
