"""The supervisor's children: restarted ever more slowly, killed when they will not stop."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import pytest

from mediasite.supervisor import COMPLAIN_AFTER, LONGEST_WAIT, STEADY_AFTER, Child, Supervisor
from tests.site.processes import until


class Listener:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, name: str, line: str) -> None:
        self.lines.append(f"{name}: {line}")


@pytest.fixture
def say() -> Listener:
    return Listener()


@pytest.fixture
def failing(say: Listener) -> Iterator[Child]:
    child = Child("web", ["/bin/sh", "-c", "echo no luck; exit 3"])
    yield child
    if child.process is not None:
        child.process.kill()
        child.process.wait()


def fail_once(child: Child, say: Listener, *, lived: float = 0.0) -> float:
    """Let the child start and end; return how long it is to wait for the next time."""
    child.look(child.start_at, say)
    assert child.process is not None
    child.process.wait()
    ended = child.started_at + lived
    child.look(ended, say)
    return child.start_at - ended


def test_its_lines_carry_its_name(failing, say):
    failing.look(time.monotonic(), say)

    assert until(lambda: "web: no luck" in say.lines)


def test_waits_grow_up_to_a_minute(failing, say):
    waits = [fail_once(failing, say) for _ in range(8)]

    assert waits[:4] == pytest.approx([1, 2, 4, 8])
    assert max(waits) == pytest.approx(LONGEST_WAIT)
    assert "web: ended with exit status 3; it is started again in 1 s." in say.lines


def test_repeated_failure_is_told_in_a_sentence(failing, say):
    for _ in range(COMPLAIN_AFTER):
        assert not any("in a row" in line for line in say.lines)
        fail_once(failing, say)

    assert f"web: failed {COMPLAIN_AFTER} times in a row: the lines above say why." in say.lines


def test_who_lived_long_is_started_again_at_once(failing, say):
    for _ in range(6):
        fail_once(failing, say)

    assert fail_once(failing, say, lived=STEADY_AFTER) == pytest.approx(1)


def test_child_is_not_started_before_its_time(failing, say):
    fail_once(failing, say)

    failing.look(failing.start_at - 0.01, say)

    assert failing.process is None


def test_child_that_will_not_stop_is_killed(say, monkeypatch):
    monkeypatch.setattr("mediasite.supervisor.STOP_WITHIN", 0.5)
    code = "import signal; signal.signal(15, signal.SIG_IGN); print('deaf'); signal.pause()"
    deaf = Child("deaf", [sys.executable, "-uc", code])
    deaf.look(time.monotonic(), say)
    assert until(lambda: "deaf: deaf" in say.lines)

    Supervisor([deaf], say=say).stop()

    assert not deaf.alive
    assert "deaf: did not stop in time and is killed." in say.lines
