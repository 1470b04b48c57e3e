from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from recordings.processing import child
from recordings.processing.child import Limits, Watch
from recordings.processing.exceptions import Cancelled, SiteFault

FOREVER = "import time\nwhile True: time.sleep(1)"
WITH_GRANDCHILD = f"""
import subprocess, sys
grandchild = subprocess.Popen([sys.executable, "-c", {FOREVER!r}])
print(grandchild.pid, flush=True)
grandchild.wait()
"""


def run(code: str, **options):
    options = {"watch": Watch(), "timeout": 60, "limits": Limits()} | options
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
    watch, grandchildren = Watch(), []

    def cancel_once_started(line: str) -> None:
        grandchildren.append(int(line))
        watch.stop.set()

    before = time.monotonic()
    with pytest.raises(Cancelled):
        run(WITH_GRANDCHILD, watch=watch, on_line=cancel_once_started)

    assert time.monotonic() - before < 2
    assert gone_soon(grandchildren[0], within=2)


def test_nothing_starts_once_stopped():
    watch = Watch(born=lambda pid, started: pytest.fail("a child was started"))
    watch.stop.set()

    with pytest.raises(Cancelled):
        run("", watch=watch)


def test_time_limit_is_the_sites_fault_and_leaves_nothing():
    born: list[int] = []

    with pytest.raises(SiteFault, match="longer"):
        run(FOREVER, timeout=0.5, watch=Watch(born=lambda pid, started: born.append(pid)))

    assert gone_soon(born[0])


def test_pulse_that_raises_kills_the_child():
    born: list[int] = []

    def lost() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        run(FOREVER, watch=Watch(pulse=lost, born=lambda pid, started: born.append(pid)))

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
from recordings.processing.child import Limits, Watch
def born(pid, started): pathlib.Path({str(record)!r}).write_text(str(pid))
def work():
    command = [sys.executable, "-c", {FOREVER!r}]
    child.run(command, watch=Watch(born=born), timeout=60, limits=Limits())
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


def test_stray_child_is_reaped_by_pid_and_start():
    stray = subprocess.Popen([sys.executable, "-c", FOREVER], start_new_session=True)
    since = child.started(stray.pid)

    assert child.reap(stray.pid, "1") is False
    assert is_running(stray.pid)
    assert child.reap(stray.pid, since) is True
    assert stray.wait() == -signal.SIGKILL
    assert child.reap(stray.pid, since) is False
    assert child.reap(os.getpid(), "") is False
