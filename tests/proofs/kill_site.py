"""Kill -9 a random process of the running site, over and over, in the midst of uploads and jobs.

`python -m tests.proofs.kill_site [--times 200] [--seed N]` starts `manage.py up` on a folder of
its own (or on DATABASE_URL), keeps people uploading, deleting and cancelling, and kills the web
server, one of its workers, a Celery worker, beat, an encoder, or all of it. After each kill it
waits until nothing is under way any more and audits everything, reading every file, without any
grace. It rings the tick itself, as beat does every 15 seconds, to wait less.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from recordings import tasks
from recordings.ledger import publish
from recordings.ledger.audit import audit
from recordings.ledger.models import Receipt, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.storages import storage
from recordings.models import Job, Recording, ResumableUpload
from recordings.processing import scratch
from tests.processing import clips
from tests.proofs.scenes import strays
from tests.site.processes import Site, living, until

PASSWORDS = {"ADMIN_PASSWORD": "for the administrator", "DEMO_PASSWORD": "for the demo owner"}
PATIENCE = 180.0  # seconds for everything under way to end; a job may start over twice
BELL = 3.0  # seconds between ticks; each rings for every waiting job
PIECE = 8 * 1024  # bytes sent at a time, so that kills fall into the middle of an upload


class People:
    """Two owners' worth of clients: they upload, delete and cancel until told to pause."""

    def __init__(self, port: int, clip: Path, seed: int) -> None:
        self.port, self.clip, self.random = port, clip.read_bytes(), random.Random(seed)
        self.long = self.clip + free_box(1_000_000)
        self.token = ""
        self.begun: list[str] = []  # uploads by tus that are not finished
        self.resumed = self.arrived = 0
        self.may_act, self.over = threading.Event(), threading.Event()
        self.busy = threading.Semaphore(2)
        self.done: Counter[str] = Counter()
        self.threads = [threading.Thread(target=self._live, daemon=True) for _ in range(2)]

    def sign_in(self) -> None:
        said = {"username": "demo", "password": PASSWORDS["DEMO_PASSWORD"]}
        assert until(lambda: self._call("POST", "/api/token", said)[0] == 200)
        self.token = self._call("POST", "/api/token", said)[1]["token"]
        for thread in self.threads:
            thread.start()

    def pause(self) -> None:
        """Return when nobody is in the middle of a request."""
        self.may_act.clear()
        for _ in self.threads:
            self.busy.acquire()
        for _ in self.threads:
            self.busy.release()

    def _live(self) -> None:
        while not self.over.is_set():
            self.may_act.wait()
            with self.busy:
                if self.may_act.is_set():
                    self._act()

    def _act(self) -> None:
        what = self.random.choice(
            ["upload", "upload", "resume", "resume", "resume", "delete", "trash", "cancel"]
        )
        try:
            status = getattr(self, what)()
        except (OSError, HTTPException):
            self.done[f"{what}: cut off"] += 1
            self.over.wait(0.2)
        else:
            self.done[f"{what}: {status}"] += 1

    def upload(self) -> int:
        if Job.objects.open().count() > 2:
            connection.close()
            return 0
        connection.close()
        process = self.random.choice(["true", "false"])
        boundary = uuid4().hex
        fields = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in (("title", "Kill me"), ("process", process))
        )
        head = (
            f'{fields}--{boundary}\r\nContent-Disposition: form-data; name="file"; '
            f'filename="clip.mp4"\r\nContent-Type: video/mp4\r\n\r\n'
        )
        body = head.encode() + self.clip + f"\r\n--{boundary}--\r\n".encode()
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(body)),
        }
        return self._call("POST", "/api/recordings", self._slowly(body), headers)[0]

    def _slowly(self, body: bytes) -> Iterator[bytes]:
        pause = self.random.choice([0.0, 0.005, 0.02])
        for start in range(0, len(body), PIECE):
            yield body[start : start + PIECE]
            time.sleep(pause)

    def resume(self) -> int:
        """Go on with an upload that was broken off, by a kill or by us, or begin one by tus."""
        try:
            path = self.begun.pop()
        except IndexError:
            path = self._begin()
        if not path:
            return 0
        status, said = self._tus("HEAD", path)
        if status == 423:
            self.begun.append(path)
        if status != 200 or "Recording-Id" in said:
            return status
        offset = int(said["Upload-Offset"])
        self.resumed += offset > 0
        rest = self.long[offset : offset + self.random.choice([50_000, 300_000, len(self.long)])]
        self.begun.append(path)  # whatever happens now
        status, said = self._tus("PATCH", path, rest, {"Upload-Offset": str(offset)})
        if "Recording-Id" in said:
            with suppress(ValueError):  # the other owner's turn: two may go on with one upload
                self.begun.remove(path)
            self.arrived += 1
        return status

    def _begin(self) -> str:
        if Job.objects.open().count() > 2:
            connection.close()
            return ""
        connection.close()
        name = b64encode(b"clip.mp4").decode()
        said = {"Upload-Length": str(len(self.long)), "Upload-Metadata": f"filename {name}"}
        return self._tus("POST", "/api/uploads", None, said)[1].get("Location", "")

    def _tus(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, str]]:
        sent = {"Tus-Resumable": "1.0.0", "Authorization": f"Token {self.token}", **(headers or {})}
        if body is not None:
            sent["Content-Type"] = "application/offset+octet-stream"
            sent["Content-Length"] = str(len(body))
        client = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            client.request(method, path, body and self._slowly(body), sent)
            answer = client.getresponse()
            answer.read()
            return answer.status, dict(answer.getheaders())
        finally:
            client.close()

    def delete(self) -> int:
        return self._to_one("DELETE", "?permanent=true")

    def trash(self) -> int:
        return self._to_one("DELETE", "")

    def cancel(self) -> int:
        return self._to_one("POST", "/cancel")

    def _to_one(self, method: str, rest: str) -> int:
        status, found = self._call("GET", "/api/recordings")
        if status != 200 or not found["results"]:
            return status
        chosen = self.random.choice(found["results"])
        return self._call(method, f"/api/recordings/{chosen['id']}{rest}")[0]

    def _call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        sent = dict(headers or {})
        if isinstance(body, dict):
            body, sent["Content-Type"] = json.dumps(body), "application/json"
        if self.token:
            sent["Authorization"] = f"Token {self.token}"
        client = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            client.request(method, path, body, sent)
            answer = client.getresponse()
            content = answer.read()
        finally:
            client.close()
        with suppress(ValueError):
            return answer.status, json.loads(content or b"null")
        return answer.status, None


def pick(site: Site, chance: random.Random) -> tuple[int, str]:
    """Choose a victim: usually one process of the site, now and then `up` itself."""
    if chance.random() < 0.1:
        return site.process.pid, "up"
    pid = chance.choice(sorted(site.members()) or [site.process.pid])
    return pid, name_of(pid)


def name_of(pid: int) -> str:
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        known = ("gunicorn", "processing@", "upkeep@", "beat", "ffmpeg", "pocketsphinx", "probe")
        for part in known:
            if any(part in word for word in words):
                return part.strip("@")
        return Path(words[0]).name
    return "gone"


def kill(site: Site, chance: random.Random) -> tuple[Site, str]:
    """Kill one process; where it was `up`, see that all went and start it anew."""
    pid, name = pick(site, chance)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    if pid != site.process.pid:
        return site, name
    site.process.wait()
    assert until(lambda: not site.members()), "a child outlived up"
    return Site(site.data_dir, site.port, site.values).wait_until_ready(), name


def under_way() -> dict[str, int]:
    """What is not at rest yet; empty when all is. An upload that can be resumed may rest."""
    resting = ResumableUpload.objects.filter(finished_at=None, offset__lt=F("length"))
    whose = resting.values("recording_id")
    files = StoredFile.objects.exclude(state=StoredFile.State.READY)
    uploads = Recording.objects.filter(state=Recording.State.UPLOADING)
    counts = {
        "jobs": Job.objects.open().count(),
        "uploads": uploads.exclude(pk__in=whose).count(),
        "files": files.exclude(state=StoredFile.State.WRITING, recording_id__in=whose).count(),
    }
    return {what: count for what, count in counts.items() if count}


def settle() -> None:
    """Ring the tick until nothing is under way.

    An upload that died before its file had a row is taken for dead two minutes after it began;
    nobody uploads now, so that time is set back instead of waited for.
    """
    begun = Recording.objects.filter(state=Recording.State.UPLOADING)
    begun.update(created_at=Now() - publish.LEASE)

    rung = 0.0

    def at_rest() -> bool:
        nonlocal rung
        if time.monotonic() - rung > BELL:
            rung = time.monotonic()
            tasks.tick()
        return not under_way()

    assert until(at_rest, PATIENCE), f"still under way: {under_way()}"


def problems() -> list[str]:
    report = audit(hashes=True, grace=timedelta(0))
    found = [text for check in report.checks for text in check.samples]
    known = StoredFile.objects.filter(state=StoredFile.State.WRITING)
    parts, names = (
        set(known.values_list("part", flat=True)),
        set(known.values_list("file", flat=True)),
    )
    found += [
        f"stray part {left}"
        for left in strays()
        if left.part not in parts and left.name not in names
    ]
    until(lambda: not scratch_left(), 10)  # a job is closed a moment before its folder goes
    return found + [f"scratch {path.name}" for path in scratch_left()]


def free_box(size: int) -> bytes:
    """Make a part of an MP4 that players pass over."""
    return (size + 8).to_bytes(4, "big") + b"free" + os.urandom(size)


def altered(*sent: bytes) -> list[str]:
    """Name originals that are not what everybody here sends."""
    hashes = [hashlib.sha256(one).hexdigest() for one in sent]
    originals = StoredFile.objects.ready().filter(
        kind=Kind.ORIGINAL, recording_file__recording__original_name="clip.mp4"
    )
    return [f"{one} is not what was sent" for one in originals.exclude(sha256__in=hashes)]


def scratch_left() -> list[Path]:
    """Sweep what nobody holds, as the scratch policy does once a day; return what is left."""
    for item in scratch.items():
        scratch.remove(item)
    return [path for path in Path(settings.SCRATCH_ROOT).rglob("*") if path.is_file()]


def run(times: int, seed: int, folder: Path) -> Counter[str]:
    chance = random.Random(seed)
    values = {**PASSWORDS, "TRANSCRIBER": os.environ.get("TRANSCRIBER", "")}
    for name in ("DATABASE_URL", "AWS_STORAGE_BUCKET_NAME", "AWS_S3_ENDPOINT_URL"):
        values[name] = os.environ.get(name, "")
    site = Site(Path(settings.DATA_DIR), values={k: v for k, v in values.items() if v})
    killed: Counter[str] = Counter()
    try:
        site.wait_until_ready().wait_for_workers()
        people = People(site.port, clips.video(folder, 3), seed)
        people.sign_in()
        for number in range(1, times + 1):
            people.may_act.set()
            time.sleep(chance.uniform(0.1, 4.0))
            site, name = kill(site, chance)
            killed[name] += 1
            people.pause()
            began = time.monotonic()
            settle()
            found = problems() + altered(people.clip, people.long)
            print(
                f"{number}: killed {name}, at rest after {time.monotonic() - began:.1f} s, "
                f"{Recording.objects.count()} recordings, {StoredFile.objects.count()} files, "
                f"audit {found or 'clean'}",
                flush=True,
            )
            assert not found, found
        print(f"by tus {people.arrived} arrived, {people.resumed} gone on with")
        print(", ".join(f"{count} x {what}" for what, count in sorted(people.done.items())))
    except BaseException:
        print("".join(site.lines[-60:]), file=sys.stderr)
        raise
    finally:
        site.end()
    assert until(lambda: not living(f"DATA_DIR={site.data_dir}\0")), "a child outlived the site"
    return killed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))  # and the site with us
    print(f"seed {options.seed}, {connection.vendor}, {settings.MEDIA_STORAGE}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        killed = run(options.times, options.seed, Path(folder))
    whom = ", ".join(f"{count} {what}" for what, count in killed.most_common())
    print(f"{killed.total()} kills ({whom}): the audit was clean after each")
    left = len(list(storage(settings.MEDIA_STORAGE).listing()))
    print(f"{Receipt.objects.count()} receipts, {left} files left")


if __name__ == "__main__":
    main()
