"""Compare storage with rows at three sizes, against a bare walk and a bare listing of a bucket.

Run: `python -m benchmarks.scan [objects]` (default 1,000,000, and a hundredth and a tenth of it).
Disk is compared with a recursive `os.scandir` of the same tree, S3 with boto3's list_objects_v2
paginator against the same server, a process that answers with ready-made pages. Ours includes the
names from the database, the progress of the scan and its findings; memory is the growth of the
resident set from a tenth of the objects to all.
"""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from benchmarks.bench import compare, resident_mb, seconds, site

ROUNDS = 3
DISK_LIMIT, S3_LIMIT, MEMORY_LIMIT = 1.5, 1.15, 5.0
OWNERS = 100
SHAPES = (
    "user_{o}/audio/{r}_processed.mp3",
    "user_{o}/thumbnails/poster_{r}.jpg",
    "user_{o}/transcriptions/{r}/master.json",
    "user_{o}/transcriptions/{r}/subtitles.srt",
    "user_{o}/video/processed/{r}_trimmed.mp4",
)
KEYS = 1000  # in an answer of the store
LINKS = 30_000  # of one file; a filesystem has its limit


def names(count: int) -> Iterator[str]:
    """Names of recordings with five files each, in byte order, as the product lays them out."""
    each = -(-count // (OWNERS * len(SHAPES)))
    left = count
    for owner in sorted(range(1, OWNERS + 1), key=lambda pk: f"user_{pk}/"):
        numbers = range(owner * each + 1, owner * each + each + 1)
        here = sorted(shape.format(o=owner, r=number) for number in numbers for shape in SHAPES)
        yield from here[:left]
        left -= len(here[:left])


def make_tree(root: Path, count: int) -> None:
    """Link a few tiny files to every name."""
    source, made = root.parent / "source", ""
    for number, name in enumerate(names(count)):
        if number % LINKS == 0:
            source.unlink(missing_ok=True)
            source.write_bytes(b"x")
        path = f"{root}/{name}"
        folder = path.rpartition("/")[0]
        if folder != made:
            os.makedirs(folder, exist_ok=True)
            made = folder
        os.link(source, path)
    source.unlink()


def make_rows(alias: str, count: int) -> None:
    from django.db import connection, transaction

    from recordings.ledger.models import StoredFile

    StoredFile.objects.all()._raw_delete("default")
    insert = (
        "INSERT INTO ledger_storedfile (storage, file, kind, size, reserved, sha256, trashed,"
        " state, reason, released_by, claimed_by, attempts, last_error, ready_at, created_at)"
        " VALUES (%s, %s, 'audio', 1, 0, 'x', false, 'ready', '', '', '', 0, '',"
        " CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)"
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(insert, ((alias, name) for name in names(count)))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ledger_storedfile")  # as autovacuum would have done by then


def ours(alias: str, count: int) -> None:
    from django.utils import timezone

    from recordings.ledger.scan import scan

    *_, found = scan(alias, timezone.now())
    assert (found.objects_seen, found.orphans, found.missing) == (count, 0, 0), vars(found)


def bare_walk(folder: str) -> int:
    seen = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                seen += bare_walk(entry.path)
            else:
                seen += 1
    return seen


def bare_listing(bucket: object, count: int) -> None:
    pages = bucket.client.get_paginator("list_objects_v2").paginate(Bucket="bench")  # type: ignore[attr-defined]
    assert sum(len(page.get("Contents", ())) for page in pages) == count


def measure(alias: str, count: int, bare: object) -> tuple[list[float], list[float], float]:
    from recordings.ledger import identity

    make_rows(alias, count)
    identity.adopt(alias)
    mine, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append(seconds(bare))  # type: ignore[arg-type]
        mine.append(seconds(partial(ours, alias, count)))
    return mine, theirs, resident_mb()


def run(alias: str, sizes: list[int], limit: float, prepare: object) -> bool:
    holds, memory = True, {}
    for count in sizes:
        bare = prepare(count)  # type: ignore[operator]
        mine, theirs, memory[count] = measure(alias, count, bare)
        gate = limit if count == sizes[-1] else float("inf")
        holds &= compare(f"scan of {count:,} objects, {alias}", mine, theirs, limit=gate)
    grown = memory[sizes[-1]] - memory[sizes[-2]]
    verdict = "holds" if grown <= MEMORY_LIMIT else "MISSED"
    print(
        f"resident memory grew by {grown:.1f} MB from {sizes[-2]:,} objects to {sizes[-1]:,}"
        f" (at most {MEMORY_LIMIT}: {verdict})"
    )
    return holds and grown <= MEMORY_LIMIT


def disk(sizes: list[int]) -> bool:
    with site():
        from django.conf import settings

        root = Path(settings.MEDIA_ROOT)

        def prepare(count: int) -> object:
            subprocess.run(["find", root, "-mindepth", "1", "-delete"], check=True)
            make_tree(root, count)
            bare_walk(str(root))  # both read from the cache
            return partial(bare_walk, str(root))

        return run("disk", sizes, DISK_LIMIT, prepare)


class Store(http.server.BaseHTTPRequestHandler):
    """Answers listings with pages made before, and keeps one marker."""

    protocol_version = "HTTP/1.1"
    pages: dict[int, list[bytes]] = {}
    marker = b""

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if not address.query.startswith("list-type") and "list-type" not in address.query:
            self.answer(200 if Store.marker else 404, Store.marker)
            return
        place = int(parse_qs(address.query).get("continuation-token", ["0"])[0])
        self.answer(200, Store.pages[0][place])

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/fill"):
            Store.pages = {0: list(answers(int(body)))}
            Store.marker = b""
        elif self.headers.get("Content-Encoding") == "aws-chunked":
            Store.marker = body.partition(b"\r\n")[2].partition(b"\r\n")[0]
        else:
            Store.marker = body
        self.answer(200, b"")

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def answers(count: int) -> Iterator[bytes]:
    page: list[str] = []
    total = -(-count // KEYS)
    number = 0
    for name in names(count):
        page.append(
            f"<Contents><Key>{name}</Key><LastModified>2026-01-01T02:03:04.000Z</LastModified>"
            "<ETag>&quot;9dd4e461268c8034f5c8564e155c67a6&quot;</ETag><Size>1</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
        )
        if len(page) == KEYS:
            number += 1
            yield answer(page, number, total)
            page = []
    if page:
        yield answer(page, total, total)


def answer(page: list[str], number: int, total: int) -> bytes:
    more = number < total
    token = f"<NextContinuationToken>{number}</NextContinuationToken>" if more else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bench</Name>'
        f"<Prefix></Prefix><MaxKeys>{KEYS}</MaxKeys><EncodingType>url</EncodingType>"
        f"<KeyCount>{len(page)}</KeyCount><IsTruncated>{str(more).lower()}</IsTruncated>{token}"
        f"{''.join(page)}</ListBucketResult>"
    ).encode()


def serve() -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Store)
    print(server.server_address[1], flush=True)
    server.serve_forever()


@contextmanager
def store() -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.scan", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        try:
            yield f"http://127.0.0.1:{child.stdout.readline().strip()}"
        finally:
            child.kill()


def s3(sizes: list[int]) -> bool:
    with store() as address:
        os.environ |= {
            "AWS_STORAGE_BUCKET_NAME": "bench",
            "AWS_S3_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        with site():
            from django.core.files.storage import storages

            bucket = storages["s3"]

            def prepare(count: int) -> object:
                bucket.client.put_object(Bucket="bench", Key="fill", Body=str(count).encode())
                return partial(bare_listing, bucket, count)

            return run("s3", sizes, S3_LIMIT, prepare)


def main(arguments: list[str]) -> int:
    if arguments == ["serve"]:
        serve()
    if arguments[:1] == ["s3"]:
        most = int(arguments[1])
        return 0 if s3([most // 100, most // 10, most]) else 1
    most = int(arguments[0]) if arguments else 1_000_000
    holds = disk([most // 100, most // 10, most])
    again = [sys.executable, "-m", "benchmarks.scan", "s3", str(most)]  # a process, so a site, each
    return 0 if subprocess.run(again, check=False).returncode == 0 and holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
