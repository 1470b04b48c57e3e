"""How much of a file has come in is told where nobody knows how long it is."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from recordings.models import Job
from recordings.processing import jobs, watchdog
from tests.api.conftest import HEAD, api
from tests.imports.server import head
from tests.recordings.scenes import until, worker
from tests.web.conftest import browser, text

__all__ = ["api", "browser"]
pytestmark = pytest.mark.django_db(transaction=True)

BYTES = HEAD + bytes(3_000_000 - len(HEAD))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(watchdog, "LOOK_SECONDS", 0.05)


def received(job: Job) -> int | None:
    return Job.objects.get(pk=job.pk).received


def test_bytes_of_a_file_of_unknown_length_are_told(
    ask: Any, server: Any, browser: Client, api: Client
) -> None:
    job = ask(server.does(server.falls_silent(head() + BYTES)))
    assert received(job) is None

    with worker(job.pk) as end:
        until(lambda: received(job) == len(BYTES))

        assert "2.9\xa0MB so far" in text(browser.get("/imports/list"))
        assert api.get(f"/api/jobs/{job.pk}").json()["received"] == len(BYTES)
        jobs.cancel(job)
        end()

    assert "so far" not in text(browser.get("/imports/list"))


def test_share_of_a_file_of_known_length_is_told_instead(
    ask: Any, server: Any, browser: Client
) -> None:
    start = head(f"Content-Length: {len(BYTES) * 2}") + BYTES
    job = ask(server.does(server.falls_silent(start)))

    with worker(job.pk) as end:
        until(lambda: received(job) == len(BYTES))
        page = text(browser.get("/imports/list"))
        jobs.cancel(job)
        end()

    assert "so far" not in page
    assert " %" in page


def test_next_attempt_counts_anew(ask: Any, server: Any) -> None:
    job = ask(server.url("/none.mp4"))
    Job.objects.update(received=5)

    assert jobs.claim(job.pk) is not None
    assert received(job) is None


def test_import_that_was_put_back_has_nothing_of_its_file(ask: Any, server: Any) -> None:
    job = jobs.claim(ask(server.url("/none.mp4")).pk)
    assert job is not None
    jobs.beat(job.pk, job.claim, step="download", progress=0, received=5)

    assert jobs.put_back(job)
    assert received(job) is None
