"""Uploads that are still coming in, on the owners' pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from recordings.models import Recording
from recordings.uploads import resumable
from tests.recordings import resuming as scene
from tests.recordings.resuming import CONTENT, HALF
from tests.web.conftest import text

pytestmark = pytest.mark.django_db(transaction=True)


def test_page_of_a_recording_tells_how_much_of_it_has_arrived(browser: Client, owner: Any) -> None:
    upload = scene.half(owner)

    page = text(browser.get(f"/recordings/{upload.recording_id}"))

    assert "146.5\xa0KB of 293.0\xa0KB have arrived" in page
    assert "Cancel the upload" in page


def test_upload_is_cancelled_from_its_page(browser: Client, owner: Any, account: Any) -> None:
    upload = scene.half(owner)

    answer = browser.post("/trash/move", {"only": upload.recording_id}, follow=True)

    assert "1 upload was cancelled; nothing of it is kept." in text(answer)
    scene.assert_gone(account)


def test_upload_that_ended_meanwhile_is_trashed_like_any(browser: Client, owner: Any) -> None:
    upload = scene.send(scene.half(owner), CONTENT[HALF:])

    answer = browser.post("/trash/move", {"only": upload.recording_id}, follow=True)

    assert "1 recording is in the trash now" in text(answer)
    assert Recording.objects.get().trashed_at is not None


def test_upload_page_says_for_how_long_one_can_go_on(browser: Client) -> None:
    page = text(browser.get("/upload"))

    assert "is kept for 1 day: choose the same file again" in page
    assert 'data-url="/api/uploads"' in page
    assert resumable.period().days == 1


def test_subtitles_beside_an_upload_are_kept(browser: Client, owner: Any) -> None:
    upload = scene.half(owner)
    srt = b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n"

    answer = browser.put(f"/api/uploads/{upload.token}/subtitles", srt, content_type="text/plain")

    assert answer.status_code == 204
    scene.send(upload, CONTENT[HALF:])
    assert "Hello" in Recording.objects.get().given_captions


@pytest.mark.parametrize("content", [b"#", b"\xff\xfe\x00"])
def test_subtitles_that_cannot_be_read_are_refused(
    browser: Client, owner: Any, content: bytes
) -> None:
    upload = scene.half(owner)

    path = f"/api/uploads/{upload.token}/subtitles"
    assert browser.put(path, content, content_type="text/plain").status_code == 400


def test_subtitles_of_what_has_arrived_are_refused(browser: Client, owner: Any) -> None:
    upload = scene.send(scene.half(owner), CONTENT[HALF:])
    srt = b"1\n00:00:01,000 --> 00:00:02,000\nHello\n"

    path = f"/api/uploads/{upload.token}/subtitles"
    assert browser.put(path, srt, content_type="text/plain").status_code == 409
