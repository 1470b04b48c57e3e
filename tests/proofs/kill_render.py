"""Kill -9 a worker at random points of a rendering, and look at what recovery makes of it.

`python -m tests.proofs.kill_render [--times 100] [--seed N]` renders one session after the other,
burned in and as a track. Half of the kills come after a random time, half at a random moment (see
moments.py), since the last steps are many in a short while. After each kill what a tick does is
done, and then the session is as it was or its video and captions are there, every byte is accounted
for and read again, and no part or scratch is left.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db.models.functions import Now
from django.test.utils import override_settings

from recordings.editing import rendering
from recordings.editing.models import EditingSession
from recordings.ledger import publish
from recordings.ledger.names import Kind
from recordings.ledger.purge import purge
from recordings.models import Job
from recordings.processing import jobs, scratch, work
from tests.conftest import assert_clean
from tests.proofs import children
from tests.proofs.editing import assert_whole_or_gone, film_of, filmed, open_session
from tests.proofs.moments import Moments, die
from tests.proofs.scenes import World, strays


@dataclass(frozen=True)
class Course:
    """How an undisturbed rendering went."""

    seconds: float
    moments: int


def due(world: World, chance: random.Random) -> Job:
    """Return the rendering that waits, started anew where the last one ended."""
    job = Job.objects.open().first()
    if job is None:
        session = EditingSession.objects.first() or open_session(world)
        job = rendering.start(session.pk, chance.choice(rendering.MODES))
    Job.objects.filter(pk=job.pk).update(not_before=Now())
    return job


def measure(world: World) -> Course:
    job = due(world, random.Random(1))
    began = time.monotonic()

    def act() -> int:
        moments = Moments(0, die)
        with moments.watched():
            work.carry_out(job.pk)
        return moments.count

    count = children.told(act)
    course = Course(time.monotonic() - began, count)
    recover()
    return course


def kill(job: Job, chance: random.Random, course: Course) -> bool:
    """Let a child render and kill it; False when it was through before."""
    by_moment = chance.random() < 0.5

    def act() -> None:
        at = chance.randint(1, course.moments) if by_moment else 0
        with Moments(at, die).watched():
            work.carry_out(job.pk)

    pid = children.fork(act)
    if not by_moment:
        time.sleep(chance.uniform(0, course.seconds))
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    status = children.ended(pid)
    assert status in {0, -9}, f"rendering failed on its own: {status}"
    return status == -9


def recover() -> None:
    """Do what a tick does, and what the policy of the scratch folder does once a day."""
    publish.recover()
    jobs.recover()
    publish.sweep_parts()
    purge()
    purge()
    deadline = time.monotonic() + 10  # encoders die with their worker, a moment after it
    while left := list(scratch.items()):
        for item in left:
            scratch.remove(item)
        assert time.monotonic() < deadline, left


def check(world: World, job: Job, *, versions: int, videos: int) -> bool:
    """See that all of it happened, or nothing; tell which."""
    job.refresh_from_db()
    done = assert_whole_or_gone(world, versions=versions, draft=False)
    assert done == (job.state == Job.State.SUCCEEDED)
    assert world.recording.files.filter(kind=Kind.FINAL).count() == videos + done
    world.recording.refresh_from_db()
    assert world.recording.state == "ready"
    assert list(strays()) == []
    assert not [path for path in Path(settings.SCRATCH_ROOT).rglob("*") if path.is_file()]
    assert_clean()
    return done


def run(times: int, seed: int, folder: Path) -> Counter[str]:
    """Kill so many times; return at which steps, and how many renderings came through all that."""
    chance = random.Random(seed)
    tally: Counter[str] = Counter()
    world = filmed(film_of(folder))
    course = measure(world)
    print(f"undisturbed: {course.seconds:.1f} s, {course.moments} moments", flush=True)
    while tally["kills"] < times:
        job = due(world, chance)
        versions = world.recording.files.filter(kind=Kind.SUBTITLES).count()
        videos = world.recording.files.filter(kind=Kind.FINAL).count()
        killed = kill(job, chance, course)
        step = Job.objects.get(pk=job.pk).step or "before or after"
        recover()
        done = check(world, job, versions=versions, videos=videos)
        tally["kills"] += killed
        tally["videos"] += done
        if killed:
            tally[f"while {step}"] += 1
    return tally


def main() -> None:
    from tests.proofs import site

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        site.made("disk"),
        override_settings(SCRATCH_ROOT=Path(folder) / "scratch"),
    ):
        tally = run(options.times, options.seed, Path(folder))
    told = ", ".join(f"{count} {what}" for what, count in tally.most_common() if what != "kills")
    print(f"{site.described('disk')}: {tally['kills']} kills ({told}), all recovered clean")


if __name__ == "__main__":
    main()
