"""Keep a handful of processes running on one machine: start, prefix, restart, stop.

Nothing is left behind, whatever ends this process: a stop signal ends the children in order, and
`kill -9` ends them through the kernel (the launcher that processing uses, too). Children are
started by the main thread alone, because the kernel watches the thread that started them. Each is
a session of its own, so that Ctrl-C in a terminal reaches it once, from here.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

from recordings.processing.children import launch

LAUNCHER = Path(launch.__file__)
TICK = 0.2  # seconds between looks at the children
STOP_WITHIN = 8.0  # seconds for an orderly end; then they are killed
STEADY_AFTER = 60.0  # seconds; who lived so long has not failed again, but anew
LONGEST_WAIT = 60.0  # seconds between two attempts
COMPLAIN_AFTER = 5  # failures in a row

Say = Callable[[str, str], None]


def say(name: str, line: str) -> None:
    """Print one line under a process's name; a closed output must not stop the site."""
    with suppress(OSError):
        print(f"{name:<10} | {line}", flush=True)  # noqa: T201


@dataclass
class Child:
    """One process that is to run for ever, and what became of its attempts."""

    name: str
    command: Sequence[str]
    keep: Sequence[int] = ()  # file descriptors it inherits
    process: subprocess.Popen[str] | None = None
    failures: int = 0  # in a row
    started_at: float = 0.0  # monotonic, like start_at
    start_at: float = 0.0

    def start(self, say: Say) -> None:
        launcher = [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), "{}"]
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            [*launcher, *self.command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=self.keep,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
            text=True,
            errors="replace",
        )
        assert self.process.stdout is not None
        pump = threading.Thread(target=copy_lines, args=(self.name, self.process.stdout, say))
        pump.daemon = True  # a stray grandchild may hold the pipe open
        pump.start()

    def look(self, now: float, say: Say) -> None:
        """Start the process when its time has come; note its end and when to try again."""
        if self.process is None:
            if now >= self.start_at:
                self.start(say)
        elif (status := self.process.poll()) is not None:
            self.process = None
            self.failures = 1 if now - self.started_at >= STEADY_AFTER else self.failures + 1
            wait = min(LONGEST_WAIT, 2.0 ** (self.failures - 1))
            self.start_at = now + wait
            say(self.name, f"ended with {describe(status)}; it is started again in {wait:.0f} s.")
            if self.failures >= COMPLAIN_AFTER:
                say(self.name, f"failed {self.failures} times in a row: the lines above say why.")

    def signal(self, number: signal.Signals) -> None:
        """Ask the process to stop; SIGKILL goes to all of its session's first group."""
        if self.process is not None and self.process.poll() is None:
            with suppress(ProcessLookupError):
                if number is signal.SIGKILL:
                    os.killpg(self.process.pid, number)
                else:
                    self.process.send_signal(number)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Runs children until SIGTERM, SIGINT or SIGHUP, calling `on_tick` in between."""

    def __init__(self, children: Sequence[Child], *, say: Say = say) -> None:
        self.children = children
        self.say = say
        self.stop_signals = 0

    def run(self, on_tick: Callable[[], None] = lambda: None) -> None:
        """Return when a stop signal came and no child is left."""
        self._listen()
        while not self.stop_signals:
            for child in self.children:
                child.look(time.monotonic(), self.say)
            on_tick()
            time.sleep(TICK)
        self.stop()

    def stop(self) -> None:
        """End every child: politely first, hard after `STOP_WITHIN` or at a second signal."""
        self.say("up", "Stopping.")
        deadline = time.monotonic() + STOP_WITHIN
        for child in self.children:
            child.signal(signal.SIGTERM)
        while any(child.alive for child in self.children):
            if time.monotonic() > deadline or self.stop_signals > 1:
                self.kill()
            time.sleep(TICK / 4)
        self.say("up", "Stopped.")

    def kill(self) -> None:
        for child in self.children:
            if child.alive:
                self.say(child.name, "did not stop in time and is killed.")
                child.signal(signal.SIGKILL)
        for child in self.children:
            if child.process is not None:
                child.process.wait()

    def _listen(self) -> None:
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup leaves it
            signal.signal(signal.SIGHUP, self._stop)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stop_signals += 1


def copy_lines(name: str, source: IO[str], say: Say) -> None:
    for line in source:
        say(name, line.rstrip("\n"))


def describe(status: int) -> str:
    if status < 0:
        return f"signal {signal.Signals(-status).name}"
    return f"exit status {status}"
