"""The page of one recording: player, words, files, jobs, and how it is edited."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from recordings.ledger.models import Hold
from recordings.ledger.names import Kind
from recordings.models import Recording
from recordings.templatetags.library import played
from tests.buckets import take_away
from tests.conftest import store
from tests.web.conftest import text


def page_of(browser: Client, recording: Recording, query: str = "") -> str:
    response = browser.get(reverse("recording", args=[recording.pk]) + query)
    assert response.status_code == 200
    return text(response)


def test_words_can_be_seeked_to_with_and_without_scripts(browser: Client, make_spoken: Any) -> None:
    page = page_of(browser, make_spoken("Hello", "Second <line>"))

    assert 'href="?t=5.000#player" data-seek="5.000"' in page
    assert "Second &lt;line&gt;" in page
    assert "matrices" in page


def test_player_has_captions_and_starts_where_the_address_says(
    browser: Client, make_spoken: Any
) -> None:
    recording = make_spoken("Hello")

    page = page_of(browser, recording, "?t=12.5")

    assert (
        f"/media/user_{recording.owner_id}/video/processed/{recording.pk}_trimmed.mp4#t=12.500"
        in page
    )
    assert f"/transcriptions/{recording.pk}/subtitles.srt.vtt" in page


def test_looking_at_the_page_is_not_watching(browser: Client, make_spoken: Any) -> None:
    assert 'preload="none"' in page_of(browser, make_spoken("Hello"))


@pytest.mark.parametrize("moment", ["nan", "inf", "-1", "1e999", "abc", "%00", "٣"])
def test_nonsense_as_moment_plays_something(browser: Client, make_spoken: Any, moment: str) -> None:
    assert "<video" in page_of(browser, make_spoken("Hello"), f"?t={moment}")


def test_machine_made_transcript_says_that_it_is_a_draft(browser: Client, make_spoken: Any) -> None:
    assert "A draft, made by a rough transcriber" in page_of(browser, make_spoken("a", draft=True))


def test_transcript_without_words_says_so(browser: Client, make_spoken: Any) -> None:
    page = page_of(browser, make_spoken())

    assert "Nothing was said" in page
    assert "master.json?download=1" not in page
    assert "subtitles.srt?download=1" not in page
    assert "_trimmed.mp4?download=1" in page


def test_language_nobody_can_write_down_is_no_draft_and_no_silence(
    browser: Client, make_spoken: Any
) -> None:
    recording = make_spoken(draft=True, source="none")
    recording.warning = "There is no transcript: the transcriber knows only English."
    recording.save()
    store(recording, Kind.AUDIO, b"mp3" * 50)

    page = page_of(browser, recording)

    assert "There is no transcript; the note above says why." in page
    assert page.count("the transcriber knows only English") == 1
    assert "Bring in subtitles of your own" in page
    assert "rough transcriber" not in page
    assert "Nothing was said" not in page
    assert '<span class="badge">draft</span>' not in page


def test_recording_without_sound_has_no_transcript(browser: Client, make_spoken: Any) -> None:
    page = page_of(browser, make_spoken(source="none"))

    assert "There is no transcript: the recording has no sound." in page
    assert "Nothing was said" not in page


@pytest.mark.parametrize(("sound", "warning"), [(True, ""), (False, "The still is missing.")])
def test_no_reason_is_given_for_a_missing_transcript_where_none_is_known(
    browser: Client, make_spoken: Any, sound: bool, warning: str
) -> None:
    recording = make_spoken(source="none")
    recording.warning = warning
    recording.save()
    if sound:
        store(recording, Kind.AUDIO, b"mp3" * 50)

    assert "<p>There is no transcript. " in page_of(browser, recording)


def test_damaged_transcript_leaves_the_page_standing(browser: Client, recording: Any) -> None:
    page = page_of(browser, recording)  # its files are random bytes

    assert "The transcript cannot be read now." in page


def test_missing_bytes_leave_the_page_standing(browser: Client, make_spoken: Any) -> None:
    recording = make_spoken("Hello")
    stored = recording.files.get(kind=Kind.TRANSCRIPT).stored
    stored.file.storage.bulk_delete([stored.file.name])

    assert "The transcript cannot be read now." in page_of(browser, recording)


@pytest.mark.s3
def test_bucket_that_is_away_leaves_the_page_standing(
    s3: Any, settings: Any, browser: Client, make_spoken: Any
) -> None:
    recording = make_spoken("Hello")
    take_away(settings)

    assert "The transcript cannot be read now." in page_of(browser, recording)


def test_sound_alone_gets_an_audio_player(browser: Client, owner: Any) -> None:
    recording = Recording.objects.create(owner=owner, title="Talk", state="ready", duration=9)
    store(recording, Kind.AUDIO, b"mp3" * 50)

    page = page_of(browser, recording)

    assert "<audio" in page
    assert "<video" not in page


def test_files_are_listed_with_size_and_hash(browser: Client, recording: Any) -> None:
    page = page_of(browser, recording)

    for file in recording.files.select_related("stored"):
        assert file.stored.sha256[:12] in page
        assert f'href="{file.url}?download=1"' in page


def test_rows_of_files_and_final_videos_add_up_to_the_size_shown(
    browser: Client, make_recording: Any
) -> None:
    recording = make_recording(files=2)
    store(recording, Kind.SESSION_AUDIO, bytes(300), session_id=7)
    store(recording, Kind.FINAL, bytes(40), session_id=7)

    page = page_of(browser, recording)

    assert "<span>2.3\xa0KB</span>" in page  # 1000 + 1001 + 300 + 40
    assert "sound for editing captions" in page
    assert '<td class="number">300\xa0bytes</td>' in page
    assert "until the editing session ends" in page
    assert "(40\xa0bytes)" in page


def test_former_files_are_listed_with_their_size(browser: Client, recording: Any) -> None:
    former = recording.files.get(kind=Kind.SUBTITLES)
    former.superseded_at = timezone.now()
    former.save()

    page = page_of(browser, recording)

    assert "Former files" in page
    assert f'href="{former.url}?download=1"' in page
    assert "(1004\xa0bytes)" in page


def test_hold_is_told_with_its_reason(browser: Client, recording: Any) -> None:
    Hold.objects.create(recording_id=recording.pk, reason="Case 12", placed_by="anna")

    assert "on hold, placed by anna: Case 12" in page_of(browser, recording)


def test_page_says_what_becomes_of_it(browser: Client, make_recording: Any) -> None:
    from retention.explain import explain

    recording = make_recording(expire_at=datetime(2040, 5, 4, tzinfo=UTC), files=0)

    page = page_of(browser, recording)

    assert '<p class="leaves">It goes to the trash on May 4, 2040' in page
    assert str(explain(recording).policy) == "expired"


def test_edit_changes_what_its_owner_says(browser: Client, recording: Any) -> None:
    form = {
        "title": "  Новая \n лекция ",
        "description": "Two\nlines",
        "language": "ru",
        "labels": "maths, autumn term ,maths,,",
        "expire_at": "2040-01-02T03:04",
    }

    response = browser.post(reverse("edit", args=[recording.pk]), form)

    recording.refresh_from_db()
    assert response["Location"] == reverse("recording", args=[recording.pk])
    assert recording.title == "Новая лекция"
    assert recording.language == "ru"
    assert sorted(label.name for label in recording.labels.all()) == ["autumn term", "maths"]
    assert recording.expire_at == datetime(2040, 1, 2, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("title", "", "This field is required."),
        ("title", "x" * 301, "at most 300 characters"),
        ("title", "a\0b", "Null characters are not allowed."),
        ("language", "klingon", "Select a valid choice"),
        ("expire_at", "2001-01-01T00:00", "This moment has passed"),
        ("expire_at", "soon", "Enter a valid date/time."),
        ("labels", ",".join(str(n) for n in range(21)), "Give at most 20 labels."),
        ("labels", "x" * 101, "is too long for a label"),
        ("description", "x" * 20_001, "at most 20000 characters"),
    ],
)
def test_edit_refuses_with_a_sentence_and_changes_nothing(
    browser: Client, recording: Any, field: str, value: str, sentence: str
) -> None:
    form = {"title": "New", "description": "", "language": "", "labels": "", "expire_at": ""}

    response = browser.post(reverse("edit", args=[recording.pk]), form | {field: value})

    recording.refresh_from_db()
    assert response.status_code == 400
    assert sentence in text(response)
    assert recording.title == "Lecture"


def test_date_that_passed_meanwhile_does_not_block_other_edits(
    browser: Client, make_recording: Any
) -> None:
    past = timezone.now().replace(second=0, microsecond=0) - timedelta(hours=1)
    recording = make_recording(expire_at=past, files=0)
    form = {"title": "New", "expire_at": past.strftime("%Y-%m-%dT%H:%M")}

    browser.post(reverse("edit", args=[recording.pk]), form)

    recording.refresh_from_db()
    assert (recording.title, recording.expire_at) == ("New", past)


def test_page_costs_the_same_queries_for_any_number_of_files(
    browser: Client, make_recording: Any, django_assert_max_num_queries: Any
) -> None:
    recording = make_recording(files=6)

    with django_assert_max_num_queries(21):
        page_of(browser, recording)


def test_number_too_large_for_any_recording_is_404(browser: Client) -> None:
    assert browser.get("/recordings/99999999999999999999999").status_code == 404


@pytest.mark.parametrize(
    ("extension", "kinds", "shown"),
    [
        ("mp4", (Kind.ORIGINAL, Kind.AUDIO), Kind.ORIGINAL),
        ("webm", (Kind.ORIGINAL, Kind.AUDIO), Kind.ORIGINAL),
        ("avi", (Kind.ORIGINAL, Kind.AUDIO), Kind.AUDIO),
        ("mp4", (Kind.ORIGINAL, Kind.AUDIO, Kind.TRIMMED), Kind.TRIMMED),
        ("avi", (Kind.ORIGINAL,), Kind.ORIGINAL),
    ],
)
def test_best_file_that_browsers_play_is_played(
    make_recording: Any, extension: str, kinds: tuple[Kind, ...], shown: Kind
) -> None:
    recording = make_recording(files=0, width=640, height=360)
    for kind in kinds:
        store(recording, kind, b"x", extension=extension)

    file = played(Recording.objects.with_files().get(pk=recording.pk))

    assert file is not None
    assert file.kind == shown


def test_original_without_pictures_gives_way_to_the_audio(make_recording: Any) -> None:
    recording = make_recording(files=0)
    for kind in (Kind.ORIGINAL, Kind.AUDIO):
        store(recording, kind, b"x")

    file = played(Recording.objects.with_files().get(pk=recording.pk))

    assert file is not None
    assert file.kind == Kind.AUDIO
