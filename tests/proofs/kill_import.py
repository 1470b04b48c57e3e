"""Kill the worker in the middle of an import, at a moment chosen by chance, and look what stays.

`python -m tests.proofs.kill_import [--times 100] [--seed N] [--lines] [--storage disk|s3]`: a
child fetches a file from a server in this process and is killed, before a statement, a storage
call or, with `--lines`, any line of the product's code. Recovery runs as on a tick; the audit must
be clean without any grace; then the import, begun anew, must bring in the file whole and once.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
from collections import Counter
from typing import Any

from django.db.models.functions import Now
from django.test.utils import override_settings

from recordings.ledger import publish
from recordings.ledger.models import Account, Reservation, StoredFile
from recordings.ledger.purge import purge
from recordings.models import Job, Recording, RecordingFile
from recordings.processing import jobs, work
from recordings.uploads import imports, intake
from tests.conftest import assert_clean
from tests.imports.server import Server, head
from tests.proofs import children, site
from tests.proofs.moments import Moments, die
from tests.proofs.scenes import make_owner, strays, wipe

CONTENT = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + os.urandom(7_000_000)


def serve(server: Server) -> str:
    """With its length the one time, in chunks of unknown number the other."""
    server.serves(CONTENT, path="/known.mp4")
    chunks = [CONTENT[at : at + 300_000] for at in range(0, len(CONTENT), 300_000)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in chunks) + b"0\r\n\r\n"
    server.says(head("Transfer-Encoding: chunked"), body, path="/chunks.mp4")
    return server.url("/known.mp4")


def count(url: str, *, lines: bool) -> int:
    """Let a child import undisturbed and return how many moments that took."""
    job = imports.ask(make_owner(), url=url)

    def act() -> int:
        moments = Moments(0, die, lines=lines)
        with moments.watched():
            work.carry_out(job.pk)
        return moments.count

    return children.told(act)


def kill_at(url: str, at: int, *, lines: bool) -> str:
    """Kill a child at its moment `at`, recover, go on; return what the kill found."""
    job = imports.ask(make_owner(), url=url)

    def act() -> None:
        with Moments(at, die, lines=lines).watched():
            work.carry_out(job.pk)

    status = children.ended(children.fork(act))
    assert status in {0, -9}, f"the import failed on its own at moment {at}"
    found = state_of(job)
    recover()
    assert_nothing_half_done(job)
    if Job.objects.get(pk=job.pk).state == Job.State.QUEUED:
        assert work.carry_out(job.pk) == "succeeded", Job.objects.get(pk=job.pk).error
    assert_whole(job)
    return found


def state_of(job: Job) -> str:
    """Say how far it was: what stands in the tables the moment after the kill."""
    if Job.objects.get(pk=job.pk).state == Job.State.SUCCEEDED:
        return "done"
    files = StoredFile.objects.values_list("state", flat=True)
    return ", ".join([*files, *Recording.objects.values_list("state", flat=True)]) or "nothing yet"


def recover() -> None:
    """Do what a tick does, two minutes later for a recording that had no file yet."""
    Recording.objects.filter(state=Recording.State.UPLOADING).update(
        created_at=Now() - publish.LEASE
    )
    publish.recover()
    publish.sweep_parts()
    intake.recover()
    jobs.recover()
    purge()
    purge()


def assert_nothing_half_done(job: Job) -> None:
    assert not Recording.objects.filter(state=Recording.State.UPLOADING).exists()
    assert not StoredFile.objects.exclude(state=StoredFile.State.READY).exists()
    assert list(strays()) == []
    now = Job.objects.get(pk=job.pk)
    done = now.state == Job.State.SUCCEEDED
    assert now.state in {Job.State.SUCCEEDED, Job.State.QUEUED}
    assert Recording.objects.count() == StoredFile.objects.count() == int(done)
    if not done:
        account = Account.objects.get(owner_id=job.owner_id)
        assert (account.used, account.reserved) == (0, 0)
        assert not Reservation.objects.exists()
    assert_clean()


def assert_whole(job: Job) -> None:
    recording = Recording.objects.get()
    assert Job.objects.get(pk=job.pk).recording == recording
    assert recording.open_job is not None
    assert recording.open_job.kind == Job.Kind.PROCESS
    stored = RecordingFile.objects.get().stored
    assert stored.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert Account.objects.get(owner_id=job.owner_id).used == len(CONTENT)
    assert_clean()


def run(server: Server, times: int, chance: random.Random, *, lines: bool) -> Counter[str]:
    known = serve(server)
    wipe()
    moments = count(known, lines=lines)
    print(f"an import has about {moments} moments", flush=True)
    found: Counter[str] = Counter()
    for number in range(1, times + 1):
        wipe()
        at = chance.randint(1, moments)
        url = chance.choice([known, server.url("/chunks.mp4")])
        try:
            state = kill_at(url, at, lines=lines)
        except AssertionError as error:
            raise AssertionError(f"killed at moment {at} of {moments}, {url}") from error
        found[state] += 1
        if number % 10 == 0:
            print(f"{number} kills, audit clean after each", flush=True)
    wipe()
    return found


def allowed(server: Server) -> Any:
    return override_settings(IMPORT_BY_URL=True, IMPORT_ALLOWED_HOSTS=[f"localhost:{server.port}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--lines", action="store_true", help="at every line of code too")
    parser.add_argument("--storage", choices=["disk", "s3"], default="disk")
    options = parser.parse_args()
    print(f"seed {options.seed}, {site.described(options.storage)}", flush=True)
    server = Server()
    with site.made(options.storage), allowed(server):
        chance = random.Random(options.seed)
        found = run(server, options.times, chance, lines=options.lines)
    server.close()
    for state, times in found.most_common():
        print(f"{times} x found: {state}")
    print(f"{found.total()} kills on {options.storage}: clean and whole after each")


if __name__ == "__main__":
    main()
