"""Processing on the page of a recording: its job, again, cancel, what becomes of the original."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from recordings.ledger.models import Account, Hold
from recordings.models import Job, Recording
from tests.web.conftest import text
from tests.web.test_recording_page import page_of


def test_open_job_is_polled_and_a_finished_one_is_not(browser: Client, make_recording: Any) -> None:
    recording = make_recording(state="processing")
    job = Job.objects.create(
        recording=recording, owner_id=recording.owner_id, state="running", step="audio", progress=40
    )
    address = reverse("job", args=[recording.pk])

    during = browser.get(address, headers={"HX-Request": "true"})
    Job.objects.filter(pk=job.pk).update(state="succeeded", finished_at=timezone.now())
    Recording.objects.update(state="ready")
    after = browser.get(address, headers={"HX-Request": "true"})

    assert "Extracting the audio, 40 %" in text(during)
    assert f'hx-get="{address}"' in text(during)
    assert "HX-Trigger" not in during
    assert "Processing is done" in text(after)
    assert after["HX-Trigger"] == "job-ended"


def test_state_beside_the_title_changes_with_the_job(browser: Client, make_recording: Any) -> None:
    recording = make_recording(state="queued")
    Job.objects.create(recording=recording, owner_id=recording.owner_id, state="running")
    page = page_of(browser, recording)
    Recording.objects.update(state="processing")

    polled = text(browser.get(reverse("job", args=[recording.pk]), headers={"HX-Request": "true"}))

    assert '<span class="badge queued" id="state">waiting</span>' in page
    badge = '<span class="badge processing" id="state" hx-swap-oob="true">being processed</span>'
    assert badge in polled


def test_failed_job_says_why_and_offers_to_try_again(browser: Client, make_recording: Any) -> None:
    recording = make_recording(state="failed", files=1)
    Job.objects.create(
        recording=recording,
        owner_id=recording.owner_id,
        state="failed",
        error="The file ends in the middle.",
        finished_at=timezone.now(),
    )

    page = page_of(browser, recording)

    assert "The file ends in the middle." in page
    assert "Try again" in page


@pytest.mark.parametrize("kind", ["process", "render"])
def test_processing_again_is_offered_only_where_it_is_not_refused(
    browser: Client, recording: Any, kind: str
) -> None:
    assert "Process again" in page_of(browser, recording)

    Job.objects.create(recording=recording, owner_id=recording.owner_id, kind=kind)

    assert "Process again" not in page_of(browser, recording)


def test_cancel_stops_a_waiting_job(browser: Client, recording: Any) -> None:
    browser.post(reverse("process", args=[recording.pk]))

    browser.post(reverse("cancel", args=[recording.pk]))

    recording.refresh_from_db()
    assert recording.jobs.get().state == "cancelled"
    assert recording.state == "ready"


def test_cancel_of_nothing_says_so(browser: Client, recording: Any) -> None:
    response = browser.post(reverse("cancel", args=[recording.pk]), follow=True)

    assert "nothing to stop" in text(response)


def test_processing_again_takes_the_points_given(browser: Client, recording: Any) -> None:
    form = {"trim_start": "0:05", "trim_end": "1:02:03.5"}

    browser.post(reverse("process", args=[recording.pk]), form)

    assert recording.jobs.get().options == {"trim_start": 5.0, "trim_end": 3723.5}


@pytest.mark.parametrize(
    ("start", "end", "sentence"),
    [
        ("10", "5", "The end must be later than the start."),
        ("0", "0", "The end must be later than the start."),
        ("-3", "", "Write a time as seconds"),
        ("soon", "", "Write a time as seconds"),
        ("nan", "", "Write a time as seconds"),
        ("999:59:59", "", "beyond the end of any recording"),
    ],
)
def test_points_that_make_no_sense_get_a_sentence(
    browser: Client, recording: Any, start: str, end: str, sentence: str
) -> None:
    form = {"trim_start": start, "trim_end": end}

    response = browser.post(reverse("process", args=[recording.pk]), form)

    assert response.status_code == 400
    assert sentence in text(response)
    assert not recording.jobs.exists()


def test_start_behind_the_end_of_the_trimmed_version_is_refused(
    browser: Client, make_spoken: Any
) -> None:
    recording = make_spoken("Hello")  # 60 s, and only the trimmed version is left

    response = browser.post(reverse("process", args=[recording.pk]), {"trim_start": "1:01"})

    assert "The recording is over by then" in text(response)


def test_processing_over_quota_is_refused_in_words(browser: Client, recording: Any) -> None:
    account = Account.objects.get(owner_id=recording.owner_id)
    account.uses_default_limit, account.own_limit = False, account.used
    account.save()

    response = browser.post(reverse("process", args=[recording.pk]), follow=True)

    assert "This needs" in text(response)
    assert not recording.jobs.exists()


def test_processing_twice_at_once_is_refused_in_words(browser: Client, recording: Any) -> None:
    address = reverse("process", args=[recording.pk])
    browser.post(address)

    response = browser.post(address, follow=True)

    assert "is being processed already" in text(response)


def test_page_tells_that_the_original_goes_when_processing_ends(
    browser: Client, make_recording: Any
) -> None:
    recording = make_recording(files=1, state="processing")
    Job.objects.create(recording=recording, owner_id=recording.owner_id, state="running")

    page = page_of(browser, recording)

    assert "when processing ends. After processing, the original file is removed at once" in page
    assert "When it is cancelled, the original file is removed at once." in page


def test_page_tells_when_the_original_goes_and_why(browser: Client, recording: Any) -> None:
    leaves_at = datetime(2040, 5, 4, 3, tzinfo=UTC)
    recording.files.filter(kind="original").update(
        leaves_at=leaves_at, leaves_because="source rule processing_failed"
    )

    going = "May 4, 2040, 03:00, because processing failed"
    assert f'<td data-name="Leaves">{going}</td>' in page_of(browser, recording)


def test_original_of_a_held_recording_shows_no_date(browser: Client, recording: Any) -> None:
    recording.files.filter(kind="original").update(leaves_at=datetime(2040, 5, 4, tzinfo=UTC))
    Hold.objects.create(recording_id=recording.pk, owner_id=None, reason="Case", placed_by="anna")

    page = page_of(browser, recording)

    assert '<td data-name="Leaves">on hold</td>' in page
    assert "2040" not in page


def test_page_that_processes_again_tells_what_becomes_of_the_original(
    browser: Client, recording: Any
) -> None:
    page = text(browser.get(reverse("process", args=[recording.pk])))

    assert "After processing, the original file is removed at once" in page


def test_held_recording_processed_again_keeps_its_files(browser: Client, recording: Any) -> None:
    Hold.objects.create(recording_id=recording.pk, owner_id=None, reason="Case", placed_by="anna")

    page = text(browser.get(reverse("process", args=[recording.pk])))

    assert "its present files stay beside the new ones" in page
    assert "is removed" not in page
