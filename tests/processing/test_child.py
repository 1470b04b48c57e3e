from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from threading import Event

import pytest

from recordings.processing import child
from recordings.processing.child import Limits
from recordings.processing.exceptions import Cancelled, SiteFault

TELLING = "import os; print(os.getpid(), flush=True)\n"
FOREVER = "import time\nwhile True: time.sleep(1)"
WITH_GRANDCHILD = f"""
import subprocess, sys
grandchild = subprocess.Popen([sys.executable, "-c", {FOREVER!r}])
print(grandchild.pid, flush=True)
grandchild.wait()
"""


def run(code: str, **options):
    options = {"stop": Event(), "timeout": 60, "limits": Limits()} | options
    return child.run([sys.executable, "-c", code], **options)


def is_running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def gone_soon(pid: int, within: float = 5.0) -> bool:
    deadline = time.monotonic() + within
    while is_running(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_output_comes_line_by_line_and_complaints_at_the_end():
    lines: list[str] = []

    ended = run(
        "import sys; print('one\\ntwo'); print('end', end=''); sys.exit('no')", on_line=lines.append
    )

    assert lines == ["one", "two", "end"]
    assert (ended.code, ended.log) == (1, "no")


def test_cancelling_kills_the_child_and_its_children_within_two_seconds():
    stop, grandchildren = Event(), []

    def cancel_once_started(line: str) -> None:
        grandchildren.append(int(line))
        stop.set()

    before = time.monotonic()
    with pytest.raises(Cancelled):
        run(WITH_GRANDCHILD, stop=stop, on_line=cancel_once_started)

    assert time.monotonic() - before < 2
    assert gone_soon(grandchildren[0], within=2)


def test_nothing_starts_once_stopped(tmp_path):
    stop, trace = Event(), tmp_path / "trace"
    stop.set()

    with pytest.raises(Cancelled):
        run(f"open({str(trace)!r}, 'w')", stop=stop)

    assert not trace.exists()


def test_time_limit_is_the_sites_fault_and_leaves_nothing():
    born: list[int] = []

    with pytest.raises(SiteFault, match="longer"):
        run(TELLING + FOREVER, timeout=1, on_line=lambda line: born.append(int(line)))

    assert gone_soon(born[0])


def test_callback_that_raises_kills_the_child():
    born: list[int] = []

    def lost(line: str) -> None:
        born.append(int(line))
        raise LookupError

    with pytest.raises(LookupError):
        run(TELLING + FOREVER, on_line=lost)

    assert gone_soon(born[0])


def test_grandchild_that_holds_the_pipes_does_not_hold_us():
    lines: list[str] = []
    leave = WITH_GRANDCHILD.replace("grandchild.wait()", "")

    before = time.monotonic()
    run(leave, on_line=lines.append)

    assert time.monotonic() - before < 5
    assert gone_soon(int(lines[0]))


def test_child_dies_with_a_killed_worker(tmp_path):
    record = tmp_path / "pid"
    worker = f"""
import sys, pathlib, threading
from recordings.processing import child
from recordings.processing.child import Limits
def work():
    command = [sys.executable, "-c", {TELLING + FOREVER!r}]
    child.run(
        command, stop=threading.Event(), timeout=60, limits=Limits(),
        on_line=pathlib.Path({str(record)!r}).write_text,
    )
threads = [threading.Thread(target=work)]
[thread.start() for thread in threads]
"""
    process = subprocess.Popen([sys.executable, "-c", worker])
    deadline = time.monotonic() + 10
    while not (record.exists() and record.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    pid = int(record.read_text())
    assert is_running(pid)

    process.send_signal(signal.SIGKILL)
    process.wait()

    assert gone_soon(pid)


def test_child_outlives_other_threads_of_its_worker():
    done = threading.Thread(target=lambda: None)
    done.start()
    done.join()

    assert run("import time; time.sleep(0.5); print('whole')").code == 0


def test_memory_limit_holds():
    ended = run("bytearray(500 * 1024**2)", limits=Limits(memory=200 * 1024**2))

    assert ended.code != 0
    assert "MemoryError" in ended.log


def test_output_limit_holds(tmp_path):
    big = tmp_path / "big"

    ended = run(
        f"import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL);"
        f"open({str(big)!r}, 'wb').write(bytes(10**7))",
        limits=Limits(output=10**6),
    )

    assert ended.code == -signal.SIGXFSZ
    assert big.stat().st_size <= 10**6


def test_processor_limit_holds():
    ended = run("while True: pass", limits=Limits(cpu=1))

    assert ended.code == -signal.SIGXCPU


def test_secrets_in_the_environment_stay_here(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "hush")
    lines: list[str] = []

    run("import os; print(dict(os.environ))", on_line=lines.append)

    assert "hush" not in lines[0]


def test_flood_of_complaints_is_cut():
    ended = run("import sys; sys.stderr.write('first ' + 'x' * 10**6)")

    assert ended.log.startswith("first ")
    assert len(ended.log) <= child.LOG_LIMIT
