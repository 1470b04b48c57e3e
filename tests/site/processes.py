"""Starting the site from a test, and looking at the processes it consists of."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds; generous, since the machine may be busy with other tests
CLEAN = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "MEDIA_ROOT", "CELERY_BROKER_URL")


def until(condition: Callable[[], object], patience: float = PATIENCE) -> bool:
    """Poll until `condition` holds; False when it does not in `patience` seconds."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(data_dir: Path, **values: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in CLEAN}
    return {**kept, "DATA_DIR": str(data_dir), **values}


def living(marker: str) -> set[int]:
    """Process ids of all whose environment or command holds `marker`, zombies apart."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            texts = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
        except OSError:  # it ended, or is not ours to look at
            continue
        if marker.encode() in texts and int(folder.name) != os.getpid():
            found.add(int(folder.name))
    return found


@dataclass
class Site:
    """A running `manage.py up`."""

    data_dir: Path
    port: int = field(default_factory=free_port)
    values: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lines: list[str] = []
        self.process = self.up(PORT=str(self.port), **self.values)
        assert self.process.stdout is not None
        Thread(target=self.lines.extend, args=(self.process.stdout,), daemon=True).start()

    def up(self, **values: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "up"],
            env=environment(self.data_dir, **values),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def get(self, path: str) -> int:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def said(self, text: str) -> bool:
        return any(text in line for line in list(self.lines))

    def wait_until_ready(self) -> Site:
        assert until(lambda: self.said("is ready at")), "".join(self.lines)
        return self

    def wait_for_workers(self) -> Site:
        assert until(lambda: self.said("upkeep@") and self.said("beat: Starting"))
        return self

    def members(self) -> set[int]:
        """All processes of this site but `up` itself."""
        return living(f"DATA_DIR={self.data_dir}\0") - {self.process.pid}

    def end(self) -> None:
        for pid in self.members() | {self.process.pid}:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()
