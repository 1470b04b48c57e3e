"""retention/once.py: targets cleaned by an age that an administrator names for this once.

No policy row is changed or needed: a policy is made in memory, checked as one that is saved, and
carried out by the sweep under a run of its own, so leases, guards, items and receipts are the same.
What has no policy for everyone's sake, such as orphans, cannot be asked for here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from retention import fit, sweep
from retention.choices import Action, Mode, Outcome, State
from retention.models import RetentionPolicy, RetentionRun
from retention.targets import find, get

DIRECTORY: Final = "directory"
UPLOADS: Final = "uploads"  # what the whole of uploading and processing leaves behind
COUNTERS: Final = {  # by target
    "sessions": "sessions",
    "finals": "final_videos",
    "uploads": "files",
    "scratch": "files",
    DIRECTORY: "files",
    "jobs": "tasks",
}
COUNTED: Final = ("sessions", "temp_audio", "final_videos", "files", "tasks", "errors")
TEMP_AUDIO: Final = "temp_audio_"
GONE: Final = (Outcome.DELETED, Outcome.TRASHED)


class UnknownFolder(Exception):
    """No managed folder has this name."""


@dataclass(slots=True)
class Counters:
    """What went, or would go, by kind; `errors` are items and whole runs that failed."""

    sessions: int = 0
    temp_audio: int = 0
    final_videos: int = 0
    files: int = 0
    tasks: int = 0
    errors: int = 0
    bytes_freed: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in COUNTED}

    def add(self, run: RetentionRun, target: str) -> None:
        found = (Outcome.WOULD,) if run.mode == Mode.PLAN else GONE
        items = run.items.filter(outcome__in=found)
        audio = items.filter(name__contains=TEMP_AUDIO).count() if target == "sessions" else 0
        counter = COUNTERS[target]
        setattr(self, counter, getattr(self, counter) + items.count() - audio)
        self.temp_audio += audio
        self.errors += run.failed + (run.state in (State.FAILED, State.REFUSED))
        self.bytes_freed += run.bytes_going() if run.mode == Mode.PLAN else run.bytes_freed
        if run.message:
            self.notes.append(f"{target}: {run.message}")


def clean(folder: str, *, jobs: timedelta, files: timedelta, dry_run: bool, by: str) -> Counters:
    """Clean `uploads`, with all that belongs to it, or one managed folder. Raises UnknownFolder."""
    mode = Mode.PLAN if dry_run else Mode.EXECUTE
    if folder == UPLOADS:
        ages = {"uploads": files, "scratch": files, "sessions": files, "finals": files}
        wanted = [policy(slug, age) for slug, age in (*ages.items(), ("jobs", jobs)) if find(slug)]
    else:
        wanted = folders(folder, files)
    counters = Counters()
    for one in wanted:
        counters.add(carry_out(one, mode=mode, by=by), one.target)
    return counters


def policy(target: str, age: timedelta, **where: Any) -> RetentionPolicy:
    """Make a policy that is for everyone, for this once."""
    return RetentionPolicy(
        slug=f"{target}-once",
        name=f"{target}, once",
        target=target,
        clock=get(target).clocks[0],
        max_age_seconds=int(age.total_seconds()),
        action=Action.DELETE,
        **where,
    )


def folders(name: str, age: timedelta) -> list[RetentionPolicy]:
    """Make policies for a managed folder, choosing among its files as its own policies do."""
    if find(DIRECTORY) is None:
        raise UnknownFolder(name)
    inside = f"{Path(settings.MANAGED_ROOT).name}/{name}"
    known = RetentionPolicy.objects.filter(target=DIRECTORY, path__in=[name, inside])
    wanted = [
        policy(DIRECTORY, age, path=one.path, glob=one.glob, recursive=one.recursive)
        for one in known.order_by("pk")
        if one.may_act and one.action != Action.REPORT
    ]
    if not known and name in _managed():
        wanted = [policy(DIRECTORY, age, path=inside)]
    if not wanted or any(fit.problems(one) for one in wanted):
        raise UnknownFolder(name)
    return wanted


def _managed() -> set[str]:
    root = Path(settings.MANAGED_ROOT)
    if not root.is_dir():
        return set()
    return {one.name for one in root.iterdir() if one.is_dir() and not one.is_symlink()}


def carry_out(once: RetentionPolicy, *, mode: Mode, by: str) -> RetentionRun:
    """Run a policy that has no row, in this process."""
    run = RetentionRun.objects.create(
        policy_slug=once.slug, policy_version=once.version, mode=mode, started_by=by
    )
    sweep.execute(run.pk, once=once)
    run.refresh_from_db()
    return run
