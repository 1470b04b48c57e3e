"""Serve thumbnails through gunicorn, against an empty view and a bare FileResponse.

Run: `python -m benchmarks.thumbnails [requests]`. All views run on the same server in the same run,
behind the same middleware; requests go over connections kept alive and take turns between ours and
the bare one. The empty view answers nothing and asks nothing; the bare one opens a picture of the
same size. What needs a permission is compared with views that ask for the same permission.
"""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path
from typing import Any

from benchmarks.bench import site

ROUNDS = 101
LEAST = 0.95  # of the bare rate


def prepare(folder: Path) -> dict[str, Any]:
    """Store a template and an own picture; return addresses and a session."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client
    from PIL import Image

    from recordings.models import Recording
    from thumbnails import editing, gallery
    from thumbnails.resolve import own_address, template_address

    settings.ALLOWED_HOSTS = ["*"]
    drawn = Image.effect_noise((1280, 720), 40).convert("RGB")
    target = BytesIO()
    drawn.save(target, "PNG")
    template = gallery.add("bench", "Bench", target.getvalue())
    owner = get_user_model().objects.create_user("bench")
    recording = Recording.objects.create(owner=owner, title="Bench", state="ready")
    editing.set_own(recording, target.getvalue(), by="bench")
    client = Client()
    client.force_login(owner)
    recording.refresh_from_db()
    own = own_address(recording.pk, recording.thumbnail.stored.sha256[:20], "card")
    public = template_address(template, "card")
    body = client.get(public).content
    (folder / "bare.webp").write_bytes(body)
    client.get(own)
    return {
        "pk": recording.pk,
        "public": public,
        "own": own,
        "cookie": f"sessionid={client.cookies['sessionid'].value}",
    }


def serve(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start the site's gunicorn, one process, with the bare views beside the site's own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    from django.conf import settings
    from django.db import connection

    database = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{database['NAME']}"
    else:
        url = "postgres://{USER}@{HOST}:{PORT}/{NAME}".format(**database)
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "DATA_DIR": str(folder),
        "SECRET_KEY": str(settings.SECRET_KEY),
        "DJANGO_SETTINGS_MODULE": "benchmarks.bare_settings",
        "PORT": str(port),
        "WEB_WORKERS": "1",
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "mediasite/gunicorn.py"]
    process = subprocess.Popen([*command, "--log-level", "error"], env=environment)
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process, port
        time.sleep(0.1)
    raise SystemExit("the server did not start")


class Caller:
    """One connection that is kept; it reads answers without making anything of them."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path: str, headers: dict[str, str]) -> tuple[int, str]:
        """Return status and tag."""
        head = self._answer(self._request(path, headers)).decode("latin-1")
        lines = head.split("\r\n")
        tags = [line[6:] for line in lines if line.startswith("ETag: ")]
        return int(lines[0].split(" ")[1]), "".join(tags)

    @staticmethod
    def _request(path: str, headers: dict[str, str]) -> bytes:
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{more}\r\n".encode()

    def _answer(self, request: bytes) -> bytes:
        self._socket.sendall(request)
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._socket.recv(1 << 18)
        head, _, body = got.partition(b"\r\n\r\n")
        mark = head.find(b"Content-Length: ")
        length = int(head[mark + 16 :].split(b"\r")[0]) if mark >= 0 else 0
        left = length - len(body)
        while left > 0:
            left -= len(self._socket.recv(1 << 18))
        return head

    def seconds(self, path: str, headers: dict[str, str], times: int) -> float:
        request = self._request(path, headers)
        began = time.perf_counter()
        for _ in range(times):
            self._answer(request)
        return (time.perf_counter() - began) / times


def compare(
    caller: Caller, what: str, ours: tuple[str, Any, int], bare: tuple[str, Any, int], times: int
) -> bool:
    """Take turns, print both rates and their ratio; a round's ratio is of its own two halves."""
    for path, headers, status in (ours, bare):
        seen = caller.get(path, headers)
        assert seen[0] == status, (path, seen)
        caller.seconds(path, headers, times)
    ratios, mine, theirs = [], [], []
    for number in range(ROUNDS):
        pair = {}
        turns = (("mine", ours), ("bare", bare))
        for name, (path, headers, _) in turns if number % 2 else reversed(turns):
            pair[name] = caller.seconds(path, headers, times)
        mine.append(pair["mine"])
        theirs.append(pair["bare"])
        ratios.append(pair["bare"] / pair["mine"])
    ratio = statistics.median(ratios)
    verdict = "holds" if ratio >= LEAST else "MISSED"
    print(
        f"{what}: {1 / statistics.median(mine):.0f}/s against {1 / statistics.median(theirs):.0f}/s"
        f" bare, {ROUNDS} rounds of {times}: {ratio:.2f} of it (at least {LEAST}: {verdict})"
    )
    return ratio >= LEAST


def measure(caller: Caller, at: dict[str, Any], times: int) -> bool:
    signed = {"Cookie": at["cookie"]}
    known = {"If-None-Match": caller.get(at["public"], {})[1]}
    own_known = {**signed, "If-None-Match": caller.get(at["own"], signed)[1]}
    unversioned = f"/api/recordings/{at['pk']}/thumbnail?size=card"
    loose = {**signed, "If-None-Match": caller.get(unversioned, signed)[1]}
    asking = f"/bare/asking/{at['pk']}"
    pairs = {
        "template, known": ((at["public"], known, 304), ("/bare/empty", known, 204)),
        "own picture, known": ((at["own"], own_known, 304), ("/bare/empty", own_known, 204)),
        "template, whole": ((at["public"], {}, 200), ("/bare/file", {}, 200)),
        "own picture, whole, both asking for permission": (
            (at["own"], signed, 200),
            (f"{asking}/file", signed, 200),
        ),
        "own picture at the address without version, known, both asking for permission": (
            (unversioned, loose, 304),
            (f"{asking}/empty", loose, 204),
        ),
    }
    held = [compare(caller, what, *pair, times) for what, pair in pairs.items()]
    return all(held)


def main(times: int) -> int:
    with site() as folder:
        at = prepare(folder)
        process, port = serve(folder)
        try:
            return 0 if measure(Caller(port), at, times) else 1
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
