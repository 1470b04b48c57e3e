"""Erase and purge 20,000 recordings of 5 files, against four set statements and an unlink loop.

Run: `python -m benchmarks.purge [recordings]`. Ours includes quota, the condemned state, claims
and receipts. It is timed twice, from the first statement to the last byte: with purge in a process
of its own that starts at the first commit, as a site's worker does, and in this process, when all
is erased. Memory is compared between a tenth of the recordings and all of them.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.bench import compare, resident_mb, seconds, site

ROUNDS = 3
LIMIT = 1.4
CHUNK = 500
CONTENT = b"x" * 512
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def make(owner_id: int, count: int, root: Path) -> list[int]:
    """Make rows and files as publishing would have left them; return the recordings' ids."""
    from django.db import connection

    from recordings.ledger.models import Account, StoredFile

    pks: list[int] = []
    for start in range(0, count, 1000):
        pks += make_some(owner_id, range(start, min(start + 1000, count)), root)
    paid = len(CONTENT) * StoredFile.objects.filter(owner_id=owner_id).count()
    Account.objects.filter(owner_id=owner_id).update(used=paid)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as autovacuum would have by the time things are old
    os.sync()
    return pks


def make_some(owner_id: int, numbers: range, root: Path) -> list[int]:
    from django.utils import timezone

    from recordings.ledger import names
    from recordings.ledger.models import StoredFile
    from recordings.ledger.names import Kind
    from recordings.models import Recording, RecordingFile

    kinds = (Kind.TRIMMED, Kind.AUDIO, Kind.TRANSCRIPT, Kind.SUBTITLES, Kind.POSTER)
    rows = Recording.objects.bulk_create(
        Recording(owner_id=owner_id, title=f"Lecture {n}", state="ready") for n in numbers
    )
    stored = StoredFile.objects.bulk_create(
        StoredFile(
            storage="disk",
            file=names.of_kind(kind, owner_id, row.pk),
            kind=kind,
            owner_id=owner_id,
            recording_id=row.pk,
            size=len(CONTENT),
            sha256=SHA256,
            state="ready",
            ready_at=timezone.now(),
        )
        for row in rows
        for kind in kinds
    )
    RecordingFile.objects.bulk_create(
        RecordingFile(recording_id=file.recording_id, kind=file.kind, stored=file)
        for file in stored
    )
    for file in stored:
        path = root / str(file.file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(CONTENT)
    return [row.pk for row in rows]


def one_after_the_other(pks: list[int]) -> None:
    from recordings.ledger.purge import purge
    from recordings.trash import erase

    assert erase(pks, by="benchmark") == len(pks)
    report = purge()
    assert report.deleted == len(pks) * 5, report


def beside(worker: Connection, pks: list[int]) -> None:
    """Erase here while the worker purges."""
    from recordings.trash import erase

    worker.send("begin")
    assert erase(pks, by="benchmark") == len(pks)
    worker.send("all is erased")
    deleted = worker.recv()
    assert deleted == len(pks) * 5, deleted


def work(orders: Connection) -> None:
    """Purge, as a worker that is nudged does, until all that was to be erased is gone."""
    from django.db import connection

    from recordings.ledger.purge import purge

    connection.close()
    try:
        while orders.recv() == "begin":
            deleted = 0
            while not orders.poll():
                deleted += purge().deleted
            orders.recv()
            orders.send(deleted + purge().deleted)
    except EOFError:
        connection.close()


@contextmanager
def a_worker() -> Iterator[Connection]:
    from django.db import connection

    connection.close()  # a process that is forked must not have it
    ours, its = Pipe()
    process = get_context("fork").Process(target=work, args=(its,))
    process.start()
    its.close()
    try:
        yield ours
    finally:
        ours.send("end")
        process.join()


def bare(pks: list[int], root: Path) -> None:
    """Four set statements a chunk, a commit, and `unlink` of every name.

    Files marked, account charged, both tables of rows deleted; no locks, holds, claims, receipts,
    retries or verification.
    """
    from django.db import connection, transaction

    chosen = "WHERE recording_id BETWEEN %s AND %s"
    for start in range(0, len(pks), CHUNK):
        span = [pks[start], pks[min(start + CHUNK, len(pks)) - 1]]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SELECT file FROM ledger_storedfile {chosen}", span)
            found = [row[0] for row in cursor.fetchall()]
            cursor.execute(
                "UPDATE ledger_account SET used = used -"
                f" (SELECT SUM(size) FROM ledger_storedfile {chosen})",
                span,
            )
            cursor.execute(
                "UPDATE ledger_storedfile SET state = 'condemned', condemned_at = CURRENT_TIMESTAMP"
                f" {chosen}",
                span,
            )
            cursor.execute(f"DELETE FROM recordings_recordingfile {chosen}", span)
            cursor.execute("DELETE FROM recordings_recording WHERE id BETWEEN %s AND %s", span)
        for name in found:
            os.unlink(root / name)


def main(count: int) -> int:
    with site():
        from django.conf import settings
        from django.contrib.auth import get_user_model

        from recordings.ledger.models import StoredFile

        owner = get_user_model().objects.create_user("bench")
        root = Path(settings.MEDIA_ROOT)
        one_after_the_other(make(owner.pk, count // 10, root))
        small = resident_mb()
        site_s, alone, theirs = [], [], []
        for _ in range(ROUNDS):
            with a_worker() as worker:
                pks = make(owner.pk, count, root)
                site_s.append(seconds(partial(beside, worker, pks)))
            pks = make(owner.pk, count, root)
            before = resident_mb()
            alone.append(seconds(partial(one_after_the_other, pks)))
            grown = resident_mb() - before
            pks = make(owner.pk, count, root)
            theirs.append(seconds(partial(bare, pks, root)))
            # The marks that the bare way leaves behind.
            StoredFile.objects.all()._raw_delete("default")
            print(f"  with a worker {site_s[-1]:.2f} s, one after the other {alone[-1]:.2f} s, "
                  f"bare {theirs[-1]:.2f} s")  # fmt: skip
        print(f"resident memory: {small:.0f} MB after {count // 10} recordings, "
              f"{grown:+.1f} MB over the last {count}")  # fmt: skip
        what = f"purge of {count} recordings"
        holds = compare(f"{what}, with a worker", site_s, theirs, limit=LIMIT)
        compare(f"{what}, one after the other", alone, theirs, limit=LIMIT)
        return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
