"""The site's upkeep in one go: the policies of its parts, run one after the other.

It removes nothing by itself. Each part names targets, and the policies of those targets run through
the same engine as on their schedule: only in an accepted version, one run at a time, every item
decided again when it goes. Recordings, originals and the trash are no part of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from recordings.ledger.purge import purge
from retention import runs, sweep
from retention.choices import Action, Mode, Outcome
from retention.exceptions import RetentionError
from retention.models import RetentionPolicy, RetentionRun
from retention.targets import find


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the upkeep, by the slugs of the targets whose policies make it up."""

    name: str
    targets: tuple[str, ...]


PARTS: Final = (
    Part("temp", ("scratch", "uploads", "sessions", "finals", "directory")),
    Part("logs", ("logs",)),
    Part("media", ("orphans", "transcripts")),
    Part("db", ("database",)),
    Part("sessions", ("django_sessions",)),
    Part("cache", ("cache",)),
)
BARE: Final = PARTS[:-1]  # an empty cache makes the site slow for a while, so it is asked for
CACHE: Final = PARTS[-1]


@dataclass(slots=True)
class PartReport:
    """What a part did; `bytes` are those freed, or those that would be after a dry run."""

    part: str
    matched: int = 0
    deleted: int = 0
    skipped: int = 0
    failed: int = 0
    bytes: int = 0
    runs: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ok: bool = True

    def add(self, run: RetentionRun) -> None:
        """Count a run that has ended."""
        self.runs.append(run.pk)
        self.matched += run.matched
        self.deleted += run.deleted
        self.skipped += run.skipped
        self.failed += run.failed
        self.bytes += run.bytes_going() if run.mode == Mode.PLAN else run.bytes_freed
        self.ok = self.ok and not run.is_bad
        if run.message:
            self.notes.append(f"{run.policy_slug}: {run.message}")


@dataclass(slots=True)
class Report:
    dry_run: bool
    parts: list[PartReport] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    unpurged: int = 0  # files whose bytes could not be removed; the tick tries again

    @property
    def ok(self) -> bool:
        return not self.unpurged and all(part.ok for part in self.parts)

    @property
    def bytes_freed(self) -> int:
        return 0 if self.dry_run else sum(part.bytes for part in self.parts)


def policies(part: Part) -> list[RetentionPolicy]:
    """Return the policies that make up a part, in the order of its targets.

    Disabled ones rest here as they do on their schedule; only the cache's, which nobody gets
    without asking for it, may be off.
    """
    rows = RetentionPolicy.objects.filter(target__in=part.targets).exclude(action=Action.REPORT)
    if part != CACHE:
        rows = rows.filter(enabled=True)
    return sorted(rows, key=lambda policy: (part.targets.index(policy.target), policy.pk))


def clean(parts: Sequence[Part], *, dry_run: bool, by: str, tell: Callable[[str], None]) -> Report:
    """Run the parts in this process. `tell` hears what is being done, before it is."""
    started = time.monotonic()
    report = Report(dry_run)
    for part in parts:
        done = PartReport(part.name)
        report.parts.append(done)
        for policy in policies(part):
            tell(f"{part.name}: {policy.slug}")
            carry_out(policy, done, dry_run=dry_run, by=by)
        if not done.runs and not done.notes:
            done.notes.append(f"No policy for {' or '.join(part.targets)} is enabled.")
    if any(part.deleted for part in report.parts):
        tell("purge")
        report.unpurged = purge().failed
    report.seconds = time.monotonic() - started
    return report


def carry_out(policy: RetentionPolicy, done: PartReport, *, dry_run: bool, by: str) -> None:
    """Run one policy and count it; what keeps it from running is noted."""
    try:
        run = ask(policy, mode=Mode.PLAN if dry_run else Mode.EXECUTE, by=by, ring_worker=False)
    except RetentionError as refusal:
        done.notes.append(f"{policy.slug}: {refusal}")
        return
    sweep.execute(run.pk)
    run.refresh_from_db()
    done.add(run)


def ask(policy: RetentionPolicy, *, mode: Mode, by: str, ring_worker: bool) -> RetentionRun:
    """Ask for a run of something this site can clean. Raises RetentionError."""
    if find(policy.target) is None:
        raise RetentionError(f"This site has no target “{policy.target}”, so it was left out.")
    if not policy.may_act:
        raise RetentionError("This version of the policy is not accepted, so it was left out.")
    return runs.ask(policy, mode=mode, by=by, ring_worker=ring_worker)


def going(report: Report) -> Iterator[tuple[str, str, int]]:
    """Yield policy, name and size of everything that a dry run found."""
    for part in report.parts:
        for pk in part.runs:
            run = RetentionRun.objects.get(pk=pk)
            items = run.items.filter(outcome=Outcome.WOULD).order_by("pk")
            for item in items.iterator(chunk_size=2000):
                yield run.policy_slug, item.name, item.size
