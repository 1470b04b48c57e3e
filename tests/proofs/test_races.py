"""Two acts at once, in both orders, one paused at every statement and commit."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from recordings.ledger.exceptions import Held
from tests.proofs.pairs import (
    PAIRS,
    Pair,
    check_paid,
    delete_one_file,
    give_away,
    held_files_stand,
    hold_receiver,
    two_owners,
)
from tests.proofs.races import Actor, until, waits_for_lock, walk

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_two_at_once(ground: Path, pair: Pair) -> None:
    races = walk(pair, every=5)  # `python -m tests.proofs.races` takes every step

    assert races >= 2


class Interruptions:
    """Lets others act just before the first statement that contains a text."""

    def __init__(self, acts: dict[str, Callable[[], object]]) -> None:
        self.acts = acts
        self.actors: list[Actor] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        for text in [text for text in self.acts if text in sql]:
            actor = Actor(self.acts.pop(text))
            self.actors.append(actor)
            actor.thread.start()
            until(lambda actor=actor: self._settled(actor))
        return execute(sql, params, many, context)

    def _settled(self, actor: Actor) -> bool:
        """Ask on a connection of another thread: ours is in the middle of a transaction."""
        waits: list[bool] = []
        asker = threading.Thread(target=lambda: waits.append(self._waits(actor)))
        asker.start()
        asker.join()
        return not actor.thread.is_alive() or waits[0]

    def _waits(self, actor: Actor) -> bool:
        try:
            return waits_for_lock(actor.backend)
        finally:
            connection.close()


def test_release_sees_holds_of_who_got_the_file_meanwhile(ground: Path) -> None:
    """The file changes hands after release read whose it is, and the new owner is held then."""
    world = two_owners()
    others = Interruptions(
        {
            'FROM "ledger_account"': lambda: give_away(world),
            'UPDATE "ledger_storedfile" SET "state"': lambda: hold_receiver(world),
        }
    )

    with connection.execute_wrapper(others), contextlib.suppress(Held):
        delete_one_file(world)
    for actor in others.actors:
        actor.join()

    assert [actor.error for actor in others.actors] == [None, None]
    held_files_stand()
    check_paid(world)
