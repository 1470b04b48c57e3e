"""Take in one gigabyte, against a copy of the same file with one fsync.

Run: `python -m benchmarks.upload [megabytes]`. Ours reserves room, hashes, writes a part, syncs,
takes the name exclusively, verifies and settles. What the hash alone takes is printed too: the
ratio hangs on whether the processor has instructions for it.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from benchmarks.bench import compare, seconds, site

ROUNDS = 5
LIMIT = 2.1
CHUNK = 1024 * 1024


def ours(source: Path, owner_id: int, recording_id: int) -> None:
    from django.db import transaction

    from recordings.ledger import names
    from recordings.ledger.names import Kind
    from recordings.ledger.publish import Publication

    with Publication.begin(
        name=names.original(owner_id, recording_id, "mp4"),
        kind=Kind.ORIGINAL,
        owner_id=owner_id,
        recording_id=recording_id,
        size=source.stat().st_size,
    ) as publication:
        with source.open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK):
                publication.write(chunk)
        publication.finish()
        with transaction.atomic():
            publication.settle()


def bare(source: Path, target: Path) -> None:
    with source.open("rb", buffering=0) as file, target.open("wb", buffering=0) as copy:
        while chunk := file.read(CHUNK):
            copy.write(chunk)
        os.fsync(copy.fileno())


def hashed(source: Path) -> None:
    with source.open("rb", buffering=0) as file:
        hashlib.file_digest(file, "sha256")


def main(megabytes: int) -> int:
    with site() as folder:
        from django.conf import settings
        from django.contrib.auth import get_user_model

        owner = get_user_model().objects.create_user("bench")
        source, root = folder / "source", Path(settings.MEDIA_ROOT)
        source.write_bytes(b"")
        with source.open("ab") as file:
            block = os.urandom(CHUNK)
            for _ in range(megabytes):
                file.write(block)
            os.fsync(file.fileno())
        print(f"  SHA-256 alone {min(seconds(lambda: hashed(source)) for _ in range(3)):.2f} s")
        mine, theirs = [], []
        for number in range(1, ROUNDS + 1):
            theirs.append(seconds(lambda: bare(source, root / "copy")))
            (root / "copy").unlink()
            mine.append(seconds(lambda n=number: ours(source, owner.pk, n)))  # type: ignore[misc]
            (root / f"user_{owner.pk}/video/unprocessed/{number}_original.mp4").unlink()
            os.sync()
            print(f"  ours {mine[-1]:.2f} s, bare {theirs[-1]:.2f} s")
        return 0 if compare(f"upload of {megabytes} MB", mine, theirs, limit=LIMIT) else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1024))
