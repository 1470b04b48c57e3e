"""The upload page without scripts: one plain form, streamed, with its token checked first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from recordings.ledger.models import Account
from recordings.ledger.names import Kind
from recordings.models import Recording, SourceRule
from tests.conftest import assert_clean
from tests.web.conftest import text

MP4 = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41" + b"\0" * 3000
SRT = b"1\n00:00:01,000 --> 00:00:02,000\nHello\n"


@pytest.fixture
def strict(owner: Any) -> Client:
    """A browser that is asked for its CSRF token."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)
    return browser


@pytest.fixture(autouse=True)
def nothing_stays_behind(db: None) -> Iterator[None]:
    yield
    assert_clean()


@pytest.mark.parametrize("action", ["delete", "keep"])
def test_page_tells_beforehand_what_becomes_of_the_original(browser: Client, action: str) -> None:
    SourceRule.objects.filter(event="processing_succeeded").update(action=action)

    page = text(browser.get("/upload"))

    assert ("the original file is removed at once" in page) == (action == "delete")


def video(content: bytes = MP4, name: str = "lecture.mp4") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, "video/mp4")


def token_of(browser: Client) -> str:
    return str(browser.get("/upload").context["csrf_token"])


def test_plain_form_makes_a_recording(strict: Client, owner: Any) -> None:
    form = {
        "csrfmiddlewaretoken": token_of(strict),
        "title": " Лекция  4 ",
        "language": "ru",
        "trim_start": "0:05",
        "trim_end": "1:00",
        "subtitles": SimpleUploadedFile("own.srt", SRT),
        "file": video(),
    }

    response = strict.post("/upload", form)

    recording = Recording.objects.get()
    assert response["Location"] == f"/recordings/{recording.pk}"
    assert (recording.title, recording.language, recording.owner) == ("Лекция 4", "ru", owner)
    assert (recording.trim_start, recording.trim_end) == (5.0, 60.0)
    assert "Hello" in recording.given_captions
    assert recording.files.get().stored.size == len(MP4)
    assert recording.jobs.get().state == "queued"


@pytest.mark.parametrize("token", [None, "", "x" * 64])
def test_form_of_another_site_is_refused_before_its_file_is_stored(
    strict: Client, token: str | None
) -> None:
    strict.get("/upload")
    form: dict[str, Any] = {"csrfmiddlewaretoken": token} if token is not None else {}

    response = strict.post("/upload", {**form, "file": video()})

    assert response.status_code == 403
    assert "This form is too old" in text(response)
    assert not Recording.objects.exists()


def test_token_behind_the_file_comes_too_late(strict: Client) -> None:
    token = token_of(strict)

    response = strict.post("/upload", {"file": video(), "csrfmiddlewaretoken": token})

    assert response.status_code == 403
    assert not Recording.objects.exists()


@pytest.mark.parametrize(
    ("fields", "sentence", "status"),
    [
        ({}, "Choose a video or audio file first.", 400),
        ({"file": video(b"", "empty.mp4")}, "The file is empty", 400),
        ({"file": video(b"just text", "not.mp4")}, "This is no video or audio file", 415),
        ({"trim_start": "soon", "file": video()}, "Write a time as seconds", 400),
        ({"trim_start": "9", "trim_end": "3", "file": video()}, "must be later", 400),
        ({"title": "x" * 301, "file": video()}, "at most 300 characters", 400),
        ({"language": "xx-nope", "file": video()}, "Select a valid choice", 400),
        (
            {"subtitles": SimpleUploadedFile("own.srt", b"no times"), "file": video()},
            "Line 1:",
            400,
        ),
    ],
)
def test_what_cannot_be_taken_is_refused_in_words_and_leaves_nothing(
    browser: Client, owner: Any, fields: Any, sentence: str, status: int, stored_names: Any
) -> None:
    for value in fields.values():
        if hasattr(value, "seek"):
            value.seek(0)

    response = browser.post("/upload", fields)

    assert response.status_code == status
    assert sentence in text(response)
    assert not Recording.objects.exists()
    assert stored_names() == set()


def test_what_was_typed_is_still_there_after_a_refusal(browser: Client) -> None:
    response = browser.post("/upload", {"title": "My talk", "trim_end": "x", "file": video()})

    assert 'value="My talk"' in text(response)


def test_over_quota_is_refused_with_the_figures(browser: Client, owner: Any) -> None:
    Account.objects.of(owner.pk)
    Account.objects.update(uses_default_limit=False, own_limit=1000)

    response = browser.post("/upload", {"file": video()})

    assert response.status_code == 413
    assert "of your 1000\xa0bytes are in use" in text(response)


def test_file_name_becomes_the_title_and_never_a_path(browser: Client) -> None:
    browser.post("/upload", {"file": video(name="../../<b>Перевод</b>.mp4")})

    recording = Recording.objects.get()
    stored = recording.file(Kind.ORIGINAL)
    assert recording.title.startswith("b>") or "Перевод" in recording.title
    assert stored is not None
    assert str(stored.stored.file.name) == (
        f"user_{recording.owner_id}/video/unprocessed/{recording.pk}_original.mp4"
    )


def test_anonymous_upload_is_sent_to_sign_in(client: Client, db: None) -> None:
    response = client.post("/upload", {"file": video()})

    assert response["Location"] == "/sign-in?next=/upload"
