"""Fifty at once with room for ten: exactly ten go in, and never a byte over."""

from __future__ import annotations

import os
import threading
from collections import Counter
from pathlib import Path

import pytest
from django.db import connections

from recordings.ledger.exceptions import QuotaExceeded
from recordings.ledger.models import Account, StoredFile
from tests.conftest import assert_clean
from tests.proofs import children
from tests.proofs.scenes import CONTENT, World, make_owner, make_recording, put, strays

pytestmark = pytest.mark.django_db(transaction=True)

UPLOADS, ROOM = 50, 10


def crowd() -> list[World]:
    owner = make_owner()
    worlds = [World(owner, make_recording(owner)) for _ in range(UPLOADS)]
    Account.objects.filter(owner_id=owner.pk).update(
        uses_default_limit=False, own_limit=ROOM * len(CONTENT) + len(CONTENT) - 1
    )
    return worlds


def assert_exactly_ten(worlds: list[World], outcomes: Counter[str]) -> None:
    assert outcomes == {"stored": ROOM, "refused": UPLOADS - ROOM}
    assert StoredFile.objects.count() == StoredFile.objects.ready().count() == ROOM
    account = worlds[0].account
    assert (account.used, account.reserved) == (ROOM * len(CONTENT), 0)
    assert list(strays()) == []
    assert_clean()


def test_fifty_threads(anywhere: str, ground: Path) -> None:
    worlds, outcomes = crowd(), Counter[str]()
    start = threading.Barrier(UPLOADS)

    def upload(world: World) -> None:
        start.wait()
        try:
            put(world, size=len(CONTENT))
            outcomes["stored"] += 1
        except QuotaExceeded:
            outcomes["refused"] += 1
        except Exception as error:  # noqa: BLE001  (the outcomes show it)
            outcomes[f"{type(error).__name__}: {error}"] += 1
        finally:
            connections.close_all()

    threads = [threading.Thread(target=upload, args=[world]) for world in worlds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert_exactly_ten(worlds, outcomes)


def test_fifty_processes(ground: Path) -> None:
    worlds = crowd()
    gate, opened = os.pipe()

    def upload(world: World) -> None:
        os.close(opened)
        os.read(gate, 1)  # ends for all at once, when the parent closes its end
        put(world, size=len(CONTENT))

    pids = [children.fork(lambda world=world: upload(world)) for world in worlds]
    os.close(opened)
    statuses = Counter(children.ended(pid) for pid in pids)
    os.close(gate)

    names = {0: "stored", children.REFUSED: "refused"}
    assert_exactly_ten(worlds, Counter({names[s]: count for s, count in statuses.items()}))
