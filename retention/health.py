"""Whether the site does what it promised: a handful of checks, each cheap, each a sentence.

Nothing here walks the storage: sizes come from accounts and figures, and of scratch and logs at
most MOST_FILES are looked at. A check that has never heard of its subject says so as a warning.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db.models import Min, OuterRef, QuerySet, Subquery, Sum

from recordings.ledger import unlink
from recordings.ledger.models import Clock, Scan, StoredFile
from recordings.ledger.storages import places
from recordings.spans import UNITS, size_in_words
from retention import notify, words
from retention.choices import Mode
from retention.clock import database_now
from retention.models import (
    Figure,
    HealthThresholds,
    Notice,
    RetentionPolicy,
    RetentionRun,
    RetentionSwitch,
)
from retention.schedule import has_schedule, next_after

OK: Final = "ok"
WARNING: Final = "warning"
CRITICAL: Final = "critical"
GRADES: Final = (OK, WARNING, CRITICAL)  # from well to worst
MOST_FILES: Final = 20_000  # of a folder, looked at in one check
NAMED: Final = 5  # policies named in a sentence
LONGEST_PAUSE: Final = timedelta(days=1)  # of all policies, before it is a warning
HEARTBEAT: Final = "heartbeat"
AUDIT: Final = "audit"
FAILED: Final = "failed"  # in place of an invariant: the audit itself could not be made
NO_MAIL: Final = "Mail is not set up, so mails are only printed to the log: set EMAIL_URL."


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; `value` is None where nothing is known yet."""

    name: str
    status: str
    value: int | None
    threshold: int | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Health:
    checks: Sequence[Check]

    @property
    def status(self) -> str:
        """The worst of all."""
        return max((check.status for check in self.checks), key=GRADES.index, default=OK)


def health(at: datetime | None = None) -> Health:
    """Look at everything now."""
    at, marks = at or database_now(), HealthThresholds.current()
    return Health([check(marks, at) for check in CHECKS])


def beat_is_alive() -> bool:
    """Whether the scheduler was heard of within its threshold."""
    age = Figure.age(HEARTBEAT, "beat")
    marks = HealthThresholds.current()
    return age is not None and age <= timedelta(seconds=marks.beat_seconds)


def scheduled() -> QuerySet[Any]:
    """Policies that should run by themselves, each with the end of its last run and how it was."""
    runs = RetentionRun.objects.filter(
        policy=OuterRef("pk"), mode=Mode.EXECUTE, finished_at__isnull=False
    ).order_by("-id")
    return RetentionPolicy.objects.in_force().annotate(
        last_at=Subquery(runs.values("finished_at")[:1]),
        last_state=Subquery(runs.values("state")[:1]),
    )


def silent_policies(marks: HealthThresholds, at: datetime) -> Check:
    silent = [
        policy.slug
        for policy in scheduled()
        if has_schedule(policy)
        and at - _heard(policy) > _patience(policy, timedelta(days=marks.silent_days), at)
    ]
    if not silent:
        sentence = "Every policy has run when it should."
    else:
        sentence = f"{_named(silent)} did not run for longer than expected."
    return Check("policies", WARNING if silent else OK, len(silent), 0, sentence)


def _heard(policy: Any) -> datetime:
    moments: list[datetime | None] = [policy.last_at, policy.accepted_at, policy.created_at]
    return max(moment for moment in moments if moment is not None)


def _patience(policy: RetentionPolicy, least: timedelta, at: datetime) -> timedelta:
    """Three periods of the policy's schedule, as it stands now, but no less than `least`."""
    first = next_after(policy, at)
    second = next_after(policy, first) if first else None
    if first is None or second is None:
        return least
    return max(least, 3 * (second - first))


def pause(marks: HealthThresholds, at: datetime) -> Check:
    """Whoever pauses them knows at once; a pause that lasts may have been forgotten."""
    longest = int(LONGEST_PAUSE.total_seconds())
    switch = RetentionSwitch.paused()
    if switch is None or switch.paused_at is None:
        return Check("pause", OK, 0, longest, "Policies are not paused.")
    seconds = max(0, int((at - switch.paused_at).total_seconds()))
    state = WARNING if seconds > longest else OK
    return Check("pause", state, seconds, longest, switch.sentence)


def last_cleanup(marks: HealthThresholds, at: datetime) -> Check:
    ended = RetentionRun.objects.filter(mode=Mode.EXECUTE, finished_at__isnull=False)
    last = ended.order_by("-id").values_list("finished_at", flat=True).first()
    since = last or RetentionPolicy.objects.aggregate(first=Min("created_at"))["first"] or at
    days = (at - since).days
    late = at - since > timedelta(days=marks.cleanup_days)
    if last is None:
        sentence = "No policy has run yet."
    else:
        sentence = f"The last run of a policy ended {_ago(at - last)}."
    return Check("cleanup", CRITICAL if late else OK, days, marks.cleanup_days, sentence)


def scratch_size(marks: HealthThresholds, at: datetime) -> Check:
    return _folder("scratch", settings.SCRATCH_ROOT, marks.scratch_bytes)


def log_size(marks: HealthThresholds, at: datetime) -> Check:
    return _folder("logs", settings.LOG_ROOT, marks.log_bytes)


def _folder(name: str, root: Path, most: int) -> Check:
    size, whole = folder_size(root)
    found = f"{'' if whole else 'at least '}{size_in_words(size)}"
    sentence = f"The {name} folder holds {found}; {size_in_words(most)} is the most it should."
    return Check(name, WARNING if size > most else OK, size, most, sentence)


def folder_size(root: Path) -> tuple[int, bool]:
    """Add up the files below a folder; False with it when there were too many to look at all."""
    if not Path(root).is_dir():
        return 0, True
    found = list(islice(unlink.walk(Path(root)), MOST_FILES + 1))
    return sum(one.size for one in found), len(found) <= MOST_FILES


def last_runs(marks: HealthThresholds, at: datetime) -> Check:
    bad = [policy.slug for policy in scheduled().filter(last_state__in=RetentionRun.BAD)]
    if not bad:
        sentence = "The last run of every policy ended well."
    else:
        sentence = f"The last run of {_named(bad)} did not end well: see the runs in the admin."
    return Check("last_runs", WARNING if bad else OK, len(bad), 0, sentence)


def condemned() -> QuerySet[StoredFile]:
    return StoredFile.objects.filter(state=StoredFile.State.CONDEMNED)


def pending_purge(marks: HealthThresholds, at: datetime) -> Check:
    found = condemned().aggregate(size=Sum("size", default=0), first=Min("condemned_at"))
    waits = max(0, int((at - found["first"]).total_seconds())) if found["first"] else 0
    longest = marks.purge_hours * 3600
    if waits > longest:
        sentence = (
            f"{size_in_words(found['size'])} were released and are still in storage, the first "
            f"since {_span(waits)}."
        )
    else:
        sentence = "What was released is gone from storage, or goes soon."
    return Check("purge", WARNING if waits > longest else OK, waits, longest, sentence)


def free_disk(marks: HealthThresholds, at: datetime) -> Check:
    """The tightest of the disks that the site writes to."""
    folders = [settings.DATA_DIR, settings.SCRATCH_ROOT]
    if settings.MEDIA_STORAGE == "disk":
        folders.append(settings.MEDIA_ROOT)
    there = [folder for folder in map(Path, folders) if folder.is_dir()]
    free = min((shutil.disk_usage(folder).free for folder in there), default=None)
    if free is None:
        return Check("disk", WARNING, None, marks.free_bytes, "The site has no folder yet.")
    sentence = f"{size_in_words(free)} are free on the disk."
    low = free < marks.free_bytes
    return Check("disk", CRITICAL if low else OK, free, marks.free_bytes, sentence)


def beat(marks: HealthThresholds, at: datetime) -> Check:
    return _heartbeat("beat", "scheduler", marks.beat_seconds)


def worker(marks: HealthThresholds, at: datetime) -> Check:
    return _heartbeat("worker", "upkeep worker", marks.worker_seconds)


def _heartbeat(name: str, noun: str, longest: int) -> Check:
    age = Figure.age(HEARTBEAT, name)
    if age is None:
        sentence = f"The {noun} has not been heard of yet: is the site started?"
        return Check(name, WARNING, None, longest, sentence)
    seconds = max(0, int(age.total_seconds()))
    sentence = f"The {noun} was last heard of {_ago(age)}."
    return Check(name, CRITICAL if seconds > longest else OK, seconds, longest, sentence)


def audit(marks: HealthThresholds, at: datetime) -> Check:
    """What the last audit found; a file that is missing or damaged is the worst there is."""
    found = dict(Figure.objects.filter(name=AUDIT).values_list("label", "value"))
    if not found:
        return Check("audit", OK, None, 0, "No audit was made yet; one comes every day.")
    if found.get(FAILED):
        sentence = "The last audit could not be made: the site's log says why."
        return Check("audit", WARNING, 1, 0, sentence)
    broken = sorted(label for label, value in found.items() if label and value)
    if not broken:
        return Check("audit", OK, 0, 0, "The last audit found everything in order.")
    number = sum(found.values())
    sentence = f"The last audit found {number} wrong in {', '.join(broken)}: manage.py audit names"
    status = CRITICAL if "I3" in broken else WARNING
    return Check("audit", status, number, 0, f"{sentence} them.")


def notices(marks: HealthThresholds, at: datetime) -> Check:
    """Mails and webhook calls that did not arrive: who reads no alert believes all is well."""
    days = marks.silent_days
    lost = Notice.objects.lost().filter(created_at__gt=at - timedelta(days=days)).count()
    if lost:
        sentence = f"{words.counted(lost, 'notice')} did not go out: see the notices in the admin."
    elif not notify.mails_go_out():
        sentence = f"No notice was lost. {NO_MAIL}"
    else:
        sentence = "Every mail and webhook call went out."
    return Check("notices", WARNING if lost else OK, lost, 0, sentence)


def clock(marks: HealthThresholds, at: datetime) -> Check:
    """While the clock is in doubt nothing goes that has a deadline."""
    doubt = Clock.objects.exclude(doubt="").values_list("doubt", flat=True).first()
    sentence = doubt or "The clock that deadlines go by is believed."
    return Check("clock", CRITICAL if doubt else OK, 1 if doubt else 0, 0, sentence)


def missing(marks: HealthThresholds, at: datetime) -> Check:
    """Files that have a row and no bytes, as the last scan of each storage counted them."""
    scans = [scan for alias in places() if (scan := Scan.objects.newest(alias))]
    if not scans:
        return Check("missing", OK, None, 0, "No storage was scanned yet; one is every day.")
    lost = sum(scan.missing for scan in scans)
    if not lost:
        return Check("missing", OK, 0, 0, "The last scan found every file in its place.")
    sentence = f"The last scan missed {words.counted(lost, 'file')}: manage.py audit names them."
    return Check("missing", CRITICAL, lost, 0, sentence)


CHECKS: Final[tuple[Callable[[HealthThresholds, datetime], Check], ...]] = (
    silent_policies, pause, last_cleanup, scratch_size, log_size, last_runs, pending_purge,
    free_disk, beat, worker, audit, clock, missing, notices,
)  # fmt: skip


def _named(slugs: Sequence[str]) -> str:
    more = len(slugs) - NAMED
    return ", ".join(slugs[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _ago(span: timedelta) -> str:
    return f"{_span(max(0, int(span.total_seconds())))} ago"


def _span(seconds: int) -> str:
    """Say how long, in the unit a person would use."""
    unit = next((size for size, _ in UNITS if seconds >= size), 1)
    return words.period(seconds - seconds % unit)


def lines(found: Health) -> Iterator[str]:
    """Health as text, a line for each check."""
    for check in found.checks:
        yield f"{check.status:8}  {check.name:9}  {check.sentence}"
    yield f"overall: {found.status}"
