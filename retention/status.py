"""How things stand, for everyone on his own things and for administrators on all."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db.models import Min, Q, Sum
from django.db.models.functions import Now

from recordings.ledger.models import Account, StoredFile
from recordings.processing import scratch
from retention import metrics
from retention.choices import Action, Mode, Outcome
from retention.clock import database_now
from retention.decide import Facts, decide
from retention.health import beat_is_alive
from retention.models import RetentionPolicy, RetentionRun, RetentionSwitch
from retention.once import GONE
from retention.schedule import is_paused
from retention.targets import find

PATIENCE: Final = 1.0  # seconds of looking for what is old, in a request
# Rows and caches are no files, and looking for orphans means listing the whole storage.
UNCOUNTED: Final = frozenset(
    {"orphans", "jobs", "database", "cache", "django_sessions", "run_history"}
)


@dataclass(slots=True)
class Going:
    """What enabled policies would remove now; not `whole` where the time was too short to look."""

    files: int = 0
    size: int = 0
    whole: bool = True
    seen: set[tuple[str, int | str]] = field(default_factory=set)

    def add(self, target: str, batch: Iterable[Facts]) -> None:
        """Count each thing once, whichever policies are after it, and recordings by their files."""
        recordings = []
        for facts in batch:
            is_recording = facts.id is not None and facts.id == facts.recording_id
            key = ("recording" if is_recording else target, facts.id or facts.name)
            if key in self.seen:
                continue
            self.seen.add(key)
            self.size += facts.size
            if is_recording:
                recordings.append(facts.recording_id)
            else:
                self.files += 1
        if recordings:
            self.files += StoredFile.objects.ready().filter(recording_id__in=recordings).count()


def stats(user: Any, *, everyone: bool) -> dict[str, Any]:
    """Return the figures of one user, or of all."""
    owner_id = None if everyone else int(user.pk)
    files = StoredFile.objects.ready().filter(owner_id=owner_id).count() if owner_id else None
    accounts = Account.objects.filter(Q(owner_id=owner_id) if owner_id else Q())
    used = accounts.aggregate(total=Sum("used", default=0))["total"]
    found = going(user, everyone=everyone, at=database_now())
    return {
        "total_files": metrics.stored_files() if files is None else files,
        "total_size_mb": megabytes(used),
        "old_files": found.files,
        "old_size_mb": megabytes(found.size),
        "old_is_complete": found.whole,
        "active_files": active_files(owner_id),
    }


def megabytes(size: int) -> float:
    return round(size / 1024**2, 2)


def going(user: Any, *, everyone: bool, at: datetime) -> Going:
    """Look, for as long as a request may take, at what would go if all policies ran now."""
    found, end = Going(), time.monotonic() + PATIENCE
    groups = set() if everyone else set(user.groups.values_list("pk", flat=True))
    for policy in RetentionPolicy.objects.in_force().exclude(action=Action.REPORT):
        if not everyone and not narrowed(policy, user, groups):
            continue
        for batch in due(policy, at):
            mine = batch if everyone else [one for one in batch if one.owner_id == user.pk]
            found.add(policy.target, mine)
            if time.monotonic() > end:
                found.whole = False
                return found
    return found


def due(policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
    """Yield what a policy would remove at `at`, in batches."""
    target = find(policy.target)
    if target is None or target.slug in UNCOUNTED or target.refusal(policy, at):
        return
    for batch in target.candidates(policy, at):
        yield [facts for facts in batch if decide(policy.rules(), facts, at).due]


def narrowed(policy: RetentionPolicy, user: Any, groups: set[int]) -> bool:
    """Make the policy in hand look at this owner, of these groups, where that changes no answer.

    False when it is not for him. Rules that weigh one thing against others have to see them all.
    """
    owners, wanted = policy.scope.get("owners") or [], policy.scope.get("groups") or []
    if (owners or wanted) and user.pk not in owners and groups.isdisjoint(wanted):
        return False
    target = find(policy.target)
    if target and "owners" in target.scopes and not policy.rules().is_relative:
        policy.scope = {**policy.scope, "owners": [user.pk], "groups": []}
    return True


def active_files(owner_id: int | None) -> int:
    """How many files are being written or worked on now, by a live lease."""
    writing = StoredFile.objects.filter(state=StoredFile.State.WRITING, lease_until__gt=Now())
    if owner_id is not None:
        writing = writing.filter(owner_id=owner_id)
    area = "" if owner_id is None else f"user_{owner_id}/"
    live = sum(item.live for item in scratch.items() if item.name.startswith(area))
    return writing.count() + live


def scheduler() -> dict[str, Any]:
    """Say whether policies run by themselves, when the next one does, and how many there are."""
    paused = is_paused()
    waiting = RetentionPolicy.objects.in_force().aggregate(first=Min("next_due_at"))["first"]
    return {
        "is_running": not paused and beat_is_alive(),
        "next_run": None if paused else waiting,
        "total_jobs": RetentionPolicy.objects.filter(enabled=True).count(),
    }


def last_run(user: Any, *, everyone: bool) -> RetentionRun | None:
    """Return the last run that ended; for an owner with his own items counted only."""
    ended = RetentionRun.objects.filter(mode=Mode.EXECUTE, finished_at__isnull=False)
    run = ended.order_by("-id").first()
    if run is None or everyone:
        return run
    mine = run.items.filter(owner_id=user.pk)
    run.matched = mine.count()
    run.deleted = mine.filter(outcome__in=GONE).count()
    run.skipped = mine.filter(outcome=Outcome.SKIPPED).count()
    run.failed = mine.filter(outcome=Outcome.FAILED).count()
    run.bytes_matched = run.bytes_freed = 0
    run.message = run.started_by = run.approved_by = ""
    return run


def turn(*, on: bool, by: str) -> dict[str, Any]:
    """Resume or pause all scheduled policies, and say how the scheduler stands then."""
    RetentionSwitch.turn(on=on, by=by)
    return scheduler()
