"""A worker killed in mid-import leaves nothing half done, and the import is done anew."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.imports.server import Server
from tests.proofs.kill_import import allowed, run

pytestmark = pytest.mark.django_db(transaction=True)

TIMES = 12  # `python -m tests.proofs.kill_import` kills as often as one likes


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    with allowed(server):
        yield server
    server.close()


def test_killed_import_is_clean_and_done_anew(ground: Path, server: Server) -> None:
    found = run(server, TIMES, random.Random(), lines=False)

    assert found["writing, uploading"] > 0


def test_import_killed_at_any_line_is_clean_and_done_anew(ground: Path, server: Server) -> None:
    assert run(server, TIMES, random.Random(), lines=True).total() == TIMES
