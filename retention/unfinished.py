"""When unfinished uploads go: the one place that says so, for `explain` and for lists.

An upload that can be resumed was promised a time when bytes last came of it. When that is over, the
tick removes it whether or not a policy acts, and no hold keeps it, since there is no file yet. A
policy of abandoned uploads may come sooner. One that cannot be resumed ends with its connection.
Of which all has come in, the tick makes a recording: no end is told of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from recordings.models import Recording, ResumableUpload
from retention import schedule
from retention.choices import Action
from retention.decide import decide
from retention.models import RetentionPolicy
from retention.targets import library
from retention.targets.uploads import Uploads


@dataclass(frozen=True, slots=True)
class Ending:
    """When an upload goes if nothing more comes of it; `policy` is the one it goes by, if any."""

    leaves_at: datetime
    policy: RetentionPolicy | None


@dataclass(frozen=True, slots=True)
class _Turn:
    """What a policy would take: `due_at` by its rules, `leaves_at` with its first run after."""

    policy: RetentionPolicy
    due_at: datetime
    leaves_at: datetime | None


def endings(recordings: Sequence[Recording], at: datetime) -> dict[int, Ending]:
    """Say by their ids when those of these go whose upload can be resumed and is not finished."""
    uploads = ResumableUpload.objects.filter(
        recording__in=recordings, finished_at=None, offset__lt=F("length")
    )
    promised = dict(uploads.values_list("recording_id", "expires_at"))
    coming = [recording for recording in recordings if recording.pk in promised]
    turns: dict[int, list[_Turn]] = {}
    for policy in _policies() if coming else ():
        for pk, turn in _turns(policy, coming, at):
            turns.setdefault(pk, []).append(turn)
    resting = bool(turns and schedule.stopped())
    return {
        pk: _ending(max(when, at), turns.get(pk, []), resting=resting)
        for pk, when in promised.items()
    }


def _ending(promised: datetime, turns: Sequence[_Turn], *, resting: bool) -> Ending:
    """Take the soonest; at the time promised it goes by the policy that had it promised.

    That is one for everyone; see promises.py. While policies are `resting` none comes sooner.
    """
    runs = [(turn.leaves_at, turn.policy) for turn in turns if turn.leaves_at and not resting]
    sooner = min(runs, key=lambda run: run[0], default=None)
    if sooner is not None and sooner[0] < promised:
        return Ending(*sooner)
    due = [turn for turn in turns if turn.due_at <= promised and not turn.policy.is_scoped]
    return Ending(promised, min(due, key=lambda turn: turn.due_at).policy if due else None)


def _policies() -> Iterable[RetentionPolicy]:
    rows = RetentionPolicy.objects.in_force().filter(target=Uploads.slug)
    return rows.exclude(action=Action.REPORT).order_by("pk")


def _turns(
    policy: RetentionPolicy, coming: Sequence[Recording], at: datetime
) -> Iterator[tuple[int, _Turn]]:
    rows = Recording.objects.filter(pk__in=[recording.pk for recording in coming])
    inside = set(rows.filter(library.owners_in_scope(policy)).values_list("pk", flat=True))
    for facts in Uploads().facts([one for one in coming if one.pk in inside], at):
        due = decide(policy.rules(), facts, at).at
        if facts.id is not None and due is not None:
            yield facts.id, _Turn(policy, due, schedule.first_run(policy, max(due, at)))
