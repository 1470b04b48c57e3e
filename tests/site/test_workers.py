"""Celery over the file broker: workers take tasks, answer a ping, and hear beat."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.site.processes import PATIENCE, ROOT, until


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("BELL_ROOT", str(tmp_path))
    from tests.site import bell

    return importlib.reload(bell).app


@pytest.fixture
def celery(app: Any) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "celery", "-A", "tests.site.bell", *arguments]
        started.append(subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def rung(root: Path) -> Counter[str]:
    path = root / "rung"
    return Counter(path.read_text().split() if path.exists() else [])


def test_two_workers_run_every_task_once_and_answer(app, celery, tmp_path):
    names = [f"task-{number}" for number in range(200)]
    for name in names:
        app.send_task("ring", [name])
    for name in ("left@%h", "right@%h"):
        celery("worker", "-P", "threads", "-c", "4", "-n", name, "--without-gossip")

    assert until(lambda: sum(rung(tmp_path).values()) >= len(names))
    assert rung(tmp_path) == Counter(names)
    assert until(lambda: len(app.control.ping(timeout=1)) == 2)


def test_worker_that_stops_gives_back_what_it_had_not_begun(app, celery, tmp_path):
    worker = celery("worker", "-P", "threads", "-c", "2", "--without-gossip")
    names = [f"task-{number}" for number in range(120)]
    for name in names:
        app.send_task("ring", [name])
    assert until(lambda: rung(tmp_path))

    worker.send_signal(signal.SIGTERM)
    worker.wait(timeout=PATIENCE)
    celery("worker", "-P", "threads", "-c", "2", "--without-gossip")

    assert until(lambda: sum(rung(tmp_path).values()) >= len(names))
    assert rung(tmp_path) == Counter(names)


def test_beat_is_heard(app, celery, tmp_path):
    celery("worker", "-P", "threads", "--without-gossip")
    celery("beat", "--pidfile=")

    assert until(lambda: rung(tmp_path)["beat"] >= 2)


def test_killed_worker_leaves_no_message_that_stops_the_next(app, celery, tmp_path):
    first = celery("worker", "-P", "threads", "-c", "1", "--without-gossip")
    for number in range(120):
        app.send_task("ring", [f"task-{number}"])
    assert until(lambda: rung(tmp_path))
    os.kill(first.pid, signal.SIGKILL)
    celery("worker", "-P", "threads", "--without-gossip")

    app.send_task("ring", ["last"])

    assert until(lambda: rung(tmp_path)["last"] == 1)
