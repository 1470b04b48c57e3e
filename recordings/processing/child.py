"""Run a program as a child that cannot outlive, outgrow or outwait us.

Untrusted media goes through here. What keeps it safe: the child leads a session of its own, so one
signal reaches all it starts; it dies with the thread that runs it (`children/launch.py`); memory,
file size and processor time have limits; its environment holds none of our secrets.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import IO, Final

from recordings.processing.exceptions import Cancelled, MediaError, SiteFault

TICK: Final = 0.2  # seconds between looks at the stop event; cancelling takes two at most
LOG_LIMIT: Final = 64 * 1024  # bytes of a child's complaints worth keeping
LINE_LIMIT: Final = 16 * 1024 * 1024  # bytes in one line; more is a child gone mad
PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")
_LAUNCHER: Final = Path(__file__).parent / "children" / "launch.py"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may use; None leaves a limit off."""

    memory: int | None = None  # bytes of address space
    output: int | None = None  # bytes in any one file it writes
    cpu: int | None = None  # seconds of processor time over all its threads
    open_files: int = 256

    def as_json(self) -> str:
        named = {
            "RLIMIT_AS": self.memory,
            "RLIMIT_FSIZE": self.output,
            "RLIMIT_CPU": self.cpu,
            "RLIMIT_NOFILE": self.open_files,
            "RLIMIT_CORE": 0,
        }
        return json.dumps({name: value for name, value in named.items() if value is not None})


@dataclass(frozen=True, slots=True)
class Ended:
    """A child's exit: `code` is negative for the signal that ended it."""

    code: int
    log: str


def python(script: str) -> list[str]:
    """Say how to run one of our `children`, cut off from the environment and user packages."""
    return [sys.executable, "-I", str(_LAUNCHER.parent / f"{script}.py")]


def run(
    command: Sequence[str],
    *,
    stop: Event,
    timeout: float,
    limits: Limits,
    on_line: Callable[[str], None] | None = None,
    stdin: IO[bytes] | None = None,
    cwd: Path | None = None,
) -> Ended:
    """Run `command` to its end, giving each line of its output to `on_line`.

    Raises Cancelled within two ticks of the stop event and SiteFault after `timeout` seconds; the
    child and all it started are gone then, as they are when a callback raises.
    """
    if stop.is_set():
        raise Cancelled
    launch = [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), limits.as_json()]
    process = subprocess.Popen(
        [*launch, *command],
        stdin=stdin if stdin is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=_environment(os.environ),
        start_new_session=True,
    )
    try:
        log = _attend(process, stop, timeout, on_line or (lambda line: None))
    finally:
        _end(process)
    return Ended(process.returncode, log)


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Pass on what programs need to run; MALLOC_ARENA_MAX keeps threads off the memory limit."""
    return {name: ours[name] for name in PASSED_ON if name in ours} | {"MALLOC_ARENA_MAX": "2"}


def _attend(
    process: subprocess.Popen[bytes], stop: Event, timeout: float, on_line: Callable[[str], None]
) -> str:
    """Read both pipes until the child has ended; return what it said on standard error."""
    assert process.stdout
    assert process.stderr
    deadline = time.monotonic() + timeout
    lines, log = _Lines(on_line), _Log()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, lines.feed)
        selector.register(process.stderr, selectors.EVENT_READ, log.feed)
        while selector.get_map() or not _has_ended(process):
            _check(stop, deadline, log)
            for key, _ in selector.select(TICK):
                chunk = os.read(key.fd, 65536)
                key.data(chunk)
                if not chunk:
                    selector.unregister(key.fileobj)
            if _has_ended(process):
                _kill_group(process)  # a grandchild could hold the pipes open
    return log.text()


def _check(stop: Event, deadline: float, log: _Log) -> None:
    if stop.is_set():
        raise Cancelled
    if time.monotonic() > deadline:
        raise SiteFault("This took longer than the site allows, so it was stopped.", log.text())


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Look without reaping, so that the number stays its own until the group is killed."""
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return process.returncode is not None or bool(os.waitid(os.P_PID, process.pid, options))


def _end(process: subprocess.Popen[bytes]) -> None:
    _kill_group(process)
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:
        # setsid() has happened: Popen returns after the exec in the child.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


class _Lines:
    """Cuts a stream into lines."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        if not chunk and self._rest:
            whole, self._rest = [*whole, self._rest], b""
        if len(self._rest) > LINE_LIMIT:
            raise MediaError("Reading this file gave more than any recording should.")
        for line in whole:
            self._on_line(line.decode(errors="replace"))


class _Log:
    """Keeps the beginning of a stream, where the cause stands, and throws away the flood."""

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, chunk: bytes) -> None:
        self._kept = (self._kept + chunk)[:LOG_LIMIT]

    def text(self) -> str:
        return self._kept.decode(errors="replace").strip()
