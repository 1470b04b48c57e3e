"""Two at once, in every order: one is held before its n-th statement or commit, for all n.

`python -m tests.proofs.races [--scene NAME]` on PostgreSQL (DATABASE_URL) prints a line for each
pair. One of the two is paused on its own connection; the other runs until it is through or waits
for a lock; then the first goes on. A deadlock that reached a caller would show as an exception.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, connections

from tests.proofs.moments import numbers
from tests.proofs.pairs import PAIRS, Pair, World, assert_settled
from tests.proofs.scenes import wipe

PATIENCE = 30.0  # seconds; nothing here takes one


class Gate:
    """Stops its thread before the statement or commit number `at` until it is opened."""

    def __init__(self, at: int) -> None:
        self.at, self.count = at, 0
        self.reached, self.opened = threading.Event(), threading.Event()

    def step(self) -> None:
        self.count += 1
        if self.count == self.at:
            self.reached.set()
            assert self.opened.wait(PATIENCE)

    def statement(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.step()
        return execute(sql, params, many, context)


@dataclass
class Actor:
    """One act in a thread and on a connection of its own, and how it ended."""

    act: Callable[[], object]
    gate: Gate | None = None
    error: BaseException | None = None
    backend: int = 0
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            connection.ensure_connection()
            self.backend = connection.connection.info.backend_pid
            self._act()
        except BaseException as error:  # noqa: BLE001  (the pair says which it may be)
            self.error = error
        finally:
            connections.close_all()

    def _act(self) -> None:
        gate = self.gate
        if gate is None:
            self.act()
            return
        commit = connection.commit

        def gated() -> None:
            gate.step()
            commit()

        connection.commit = gated  # type: ignore[method-assign]
        try:
            with connection.execute_wrapper(gate.statement):
                self.act()
        finally:
            del connection.commit

    def join(self) -> None:
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive(), "it hangs"


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not true():
        assert time.monotonic() < deadline, "nothing happened"
        pause.wait(0.002)


def waits_for_lock(backend: int) -> bool:
    if not backend:
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [backend])
        return bool(cursor.fetchone()[0])


def race(first: Callable[[], object], second: Callable[[], object], at: int) -> list[Any] | None:
    """Run both, the first paused at its step `at`; return their errors, None when it had fewer."""
    gate = Gate(at)
    one, two = Actor(first, gate), Actor(second)
    one.thread.start()
    until(lambda: gate.reached.is_set() or not one.thread.is_alive())
    if not gate.reached.is_set():
        one.join()
        return None
    two.thread.start()
    until(lambda: not two.thread.is_alive() or waits_for_lock(two.backend))
    gate.opened.set()
    one.join()
    two.join()
    return [one.error, two.error]


def walk(pair: Pair, *, every: int = 1) -> int:
    """Race a pair both ways round at every step, or every so-manyth; return how many races."""
    return sum(_walk(pair, swapped, every) for swapped in (False, True))


def _walk(pair: Pair, swapped: bool, every: int) -> int:
    races = 0
    for at in numbers(every):
        world = pair.prepare()
        acts = [lambda w=world: pair.one(w), lambda w=world: pair.two(w)]
        errors = race(*(acts[::-1] if swapped else acts), at)
        if errors is None:
            wipe()
            break
        races += 1
        where = f"{pair.name}, {'second' if swapped else 'first'} paused at step {at}"
        judge(pair, world, errors, where)
        wipe()
    return races


def judge(pair: Pair, world: World, errors: list[Any], where: str) -> None:
    for error in errors:
        if error is not None and not isinstance(error, pair.allowed):
            raise AssertionError(where) from error
    try:
        assert_settled(pair, world)
    except AssertionError as error:
        raise AssertionError(f"{where}: {errors}") from error


def main() -> None:
    from tests.proofs import site

    options = site.options(__doc__, scenes=[pair.name for pair in PAIRS])
    races = 0
    with site.made(options.storage):
        assert connection.vendor == "postgresql", "Give DATABASE_URL a PostgreSQL database."
        for pair in PAIRS:
            if options.scene in {None, pair.name}:
                began = time.monotonic()
                races += (count := walk(pair))
                print(f"{pair.name}: {count} races, {time.monotonic() - began:.0f} s", flush=True)
    print(f"{races} races: nothing lost under a hold, no half row, no deadlock reached a caller")


if __name__ == "__main__":
    main()
