"""What an owner is asked and told where cancelling costs the only copy of a file."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from recordings.ledger.models import Hold
from recordings.ledger.names import Kind
from recordings.models import Recording, SourceRule
from recordings.processing import jobs
from tests.conftest import store
from tests.web.conftest import text
from tests.web.test_recording_page import page_of


@pytest.fixture
def fresh(owner: Any) -> Recording:
    """A recording that was uploaded just now and waits for its first processing."""
    recording = Recording.objects.create(owner=owner, title="Talk", state="uploading")
    store(recording, Kind.ORIGINAL, bytes(2048))
    jobs.enqueue(recording)
    return recording


def press_cancel(browser: Client, recording: Recording, **answer: str) -> str:
    return text(browser.post(reverse("cancel", args=[recording.pk]), answer, follow=True))


def has_original(recording: Recording) -> bool:
    return recording.files.filter(kind=Kind.ORIGINAL).exists()


def test_cancelling_that_costs_the_only_copy_asks_first(browser: Client, fresh: Recording) -> None:
    assert "Cancel processing…</button>" in page_of(browser, fresh)

    page = press_cancel(browser, fresh)

    assert "The original file, 2.0\xa0KB, is removed for ever, at once: " in page
    assert "there is no other copy" in page
    assert f'href="{reverse("recording", args=[fresh.pk])}"' in page
    assert has_original(fresh)
    assert fresh.jobs.get().state == "queued"


def test_cancelling_that_was_meant_removes_the_original(browser: Client, fresh: Recording) -> None:
    press_cancel(browser, fresh, confirmed="yes")

    assert not has_original(fresh)
    assert fresh.jobs.get().state == "cancelled"


def test_question_tells_the_delay_of_the_rule(browser: Client, fresh: Recording) -> None:
    rules = SourceRule.objects.filter(event="processing_cancelled")
    rules.update(action="delay", delay=timedelta(hours=3))

    assert "is removed for ever, 3 hours later: " in press_cancel(browser, fresh)


def test_nothing_is_asked_where_the_original_stays(browser: Client, fresh: Recording) -> None:
    SourceRule.objects.filter(event="processing_cancelled").update(action="keep")
    assert "Cancel processing</button>" in page_of(browser, fresh)

    press_cancel(browser, fresh)

    assert fresh.jobs.get().state == "cancelled"
    assert has_original(fresh)


def test_nothing_is_asked_under_a_hold(browser: Client, fresh: Recording) -> None:
    Hold.objects.create(recording_id=fresh.pk, reason="Case", placed_by="anna")
    assert "Cancel processing</button>" in page_of(browser, fresh)

    press_cancel(browser, fresh)

    assert fresh.jobs.get().state == "cancelled"
    assert has_original(fresh)


def test_nothing_is_asked_where_a_rendition_stands(browser: Client, recording: Recording) -> None:
    jobs.start(recording.pk)
    assert "Cancel processing</button>" in page_of(browser, recording)

    press_cancel(browser, recording)

    assert recording.jobs.get().state == "cancelled"


def test_work_that_ended_while_the_question_stood_is_not_undone(
    browser: Client, recording: Recording
) -> None:
    assert "nothing to stop" in press_cancel(browser, recording, confirmed="yes")


def test_cancelled_without_a_file_is_not_offered_again(browser: Client, fresh: Recording) -> None:
    page = press_cancel(browser, fresh, confirmed="yes")

    assert "Processing was cancelled. The file was removed meanwhile; upload it again." in page
    assert reverse("process", args=[fresh.pk]) not in page
    assert "There is nothing to play yet" not in page


def test_cancelled_with_a_file_can_be_started_again(browser: Client, fresh: Recording) -> None:
    SourceRule.objects.filter(event="processing_cancelled").update(action="keep")

    page = press_cancel(browser, fresh)

    assert "Start it again" in page
    assert "Process again" in page


def test_failed_without_a_file_is_not_offered_again(browser: Client, fresh: Recording) -> None:
    fresh.jobs.update(state="failed", error="It was damaged.")
    Recording.objects.update(state="failed")
    fresh.files.all().delete()

    page = page_of(browser, fresh)

    assert "It was damaged." in page
    assert "The file was removed meanwhile; upload it again." in page
    assert reverse("process", args=[fresh.pk]) not in page
