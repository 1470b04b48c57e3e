"""An owner who imports, and the servers that he imports from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from recordings.models import Job
from recordings.processing import work
from recordings.uploads import imports
from tests.imports.server import Server
from tests.recordings.conftest import clip

__all__ = ["clip"]


@pytest.fixture
def server() -> Iterator[Server]:
    with_server = Server()
    yield with_server
    with_server.close()


@pytest.fixture
def other_server() -> Iterator[Server]:
    """One that the administrator has not named."""
    with_server = Server()
    yield with_server
    with_server.close()


@pytest.fixture(autouse=True)
def switched_on(settings: Any, server: Server) -> None:
    settings.IMPORT_BY_URL = True
    settings.IMPORT_ALLOWED_HOSTS = [f"localhost:{server.port}"]


@pytest.fixture
def ask(owner: Any) -> Callable[..., Job]:
    return lambda url, title="": imports.ask(owner, url=url, title=title)


@pytest.fixture
def fetched(ask: Callable[..., Job]) -> Callable[..., Job]:
    """Import an address here and now; return the job as it ended."""

    def fetch(url: str, title: str = "") -> Job:
        job = ask(url, title)
        work.carry_out(job.pk)
        job.refresh_from_db()
        return job

    return fetch
