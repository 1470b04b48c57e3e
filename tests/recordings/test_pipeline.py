"""From an upload to a watchable recording, with real clips."""

from __future__ import annotations

import json

import pytest
from storages.backends.s3 import S3File

from recordings.models import Job, Recording
from recordings.processing import jobs, work
from recordings.processing.captions import parse
from recordings.processing.exceptions import SiteFault
from recordings.processing.steps.base import Context, Output
from tests.recordings.scenes import (
    again,
    assert_nothing_but,
    files,
    newest,
    processed,
    read,
    ship_rules,
    upload,
)

pytestmark = [pytest.mark.media, pytest.mark.django_db(transaction=True)]

SIX = {"trimmed", "audio", "transcript", "topics", "subtitles", "poster"}
CAPTIONS = "1\n00:00:01,000 --> 00:00:02,000\nПривет\n\n2\n00:00:02,000 --> 00:00:03,500\nмир\n"


@pytest.fixture(autouse=True)
def rules(db):
    ship_rules()


@pytest.fixture
def quiet_ends(clip):
    return clip("video", 5, start=1.5, end=3.5)


class Breaks:
    """A step that somebody else wrote, and not well."""

    name, weight = "breaks", 1

    def run(self, context: Context) -> list[Output]:
        raise ZeroDivisionError


class Watched:
    """A step at the end that looks at what the page would show."""

    name, weight = "watched", 10
    seen: list[tuple[str, int, str]] = []

    def run(self, context: Context) -> list[Output]:
        self.seen += Job.objects.values_list("step", "progress", "state")
        return []


def test_video_becomes_watchable_and_is_paid_for(owner, quiet_ends, account):
    recording = upload(owner, quiet_ends)

    assert processed(recording) == "succeeded"

    assert recording.state == Recording.State.READY
    assert set(files(recording)) == {"original", *SIX}
    assert (recording.width, recording.height) == (160, 120)
    assert recording.duration == pytest.approx(2.5, abs=0.3)
    assert recording.processed_at
    assert recording.warning == ""
    assert account().reserved == 0
    assert_nothing_but(set(files(recording).values()))


def test_first_files_bear_the_plain_names(owner, quiet_ends):
    recording = upload(owner, quiet_ends)

    processed(recording)

    user, rid = f"user_{owner.pk}", recording.pk
    assert files(recording) == {
        "original": f"{user}/video/unprocessed/{rid}_original.mp4",
        "trimmed": f"{user}/video/processed/{rid}_trimmed.mp4",
        "audio": f"{user}/audio/{rid}_processed.mp3",
        "transcript": f"{user}/transcriptions/{rid}/master.json",
        "topics": f"{user}/transcriptions/{rid}/topics_v1.json",
        "subtitles": f"{user}/transcriptions/{rid}/subtitles.srt",
        "poster": f"{user}/thumbnails/poster_{rid}.jpg",
    }


def test_job_ends_with_its_fields_in_order(owner, quiet_ends):
    recording = upload(owner, quiet_ends)

    processed(recording)

    job = newest(recording)
    assert (job.state, job.progress, job.step) == ("succeeded", 100, "")
    assert (job.error, job.log, job.site_fault, job.attempts) == ("", "", False, 1)
    assert (job.claim, job.lease_until, job.claimed_by) == (None, None, "")
    assert job.started_at <= job.heartbeat_at <= job.finished_at


def test_step_and_progress_show_while_it_runs(owner, clip, settings):
    here = f"{__name__}.Watched"
    first, second, *others = settings.PROCESSING_STEPS
    settings.PROCESSING_STEPS = [first, here, second, here, *others, here]
    Watched.seen.clear()
    recording = upload(owner, clip("video"))

    processed(recording)

    shares = [progress for _, progress, _ in Watched.seen]
    assert {(step, state) for step, _, state in Watched.seen} == {("watched", "running")}
    assert 0 < shares[0] < shares[1] < shares[2] < 100


def test_sound_alone_has_no_video_and_no_poster(owner, clip):
    recording = upload(owner, clip("sound_alone", 4))

    assert processed(recording) == "succeeded"

    assert set(files(recording)) == {"audio", "transcript", "topics", "subtitles"}
    assert (recording.width, recording.height) == (None, None)


def test_video_without_sound_has_no_audio_but_empty_words(owner, clip):
    recording = upload(owner, clip("without_sound"))

    assert processed(recording) == "succeeded"

    assert set(files(recording)) == SIX - {"audio"}
    assert json.loads(read(recording, "transcript"))["segments"] == []
    assert read(recording, "subtitles") == b""


def test_captions_of_the_owner_are_the_transcript_on_the_new_clock(owner, clip):
    recording = upload(owner, clip("video"), captions=CAPTIONS, trim_start=0.5, language="ru")

    assert processed(recording) == "succeeded"

    said = parse(read(recording, "subtitles"))
    assert [(one.start, one.text) for one in said] == [(0.5, "Привет"), (1.5, "мир")]
    assert not recording.files.get(kind="transcript").draft


def test_captions_that_cannot_be_read_fail_with_the_line(owner, clip):
    recording = upload(owner, clip("video"), captions="1\n00:00:01 -> never\nПривет\n")

    assert processed(recording) == "failed"

    job = newest(recording)
    assert job.error.startswith("The captions of this recording cannot be read. Line 2: ")
    assert not job.site_fault


def test_trim_points_of_the_owner_are_kept_to(owner, clip):
    recording = upload(owner, clip("video"), trim_start=1.0, trim_end=3.0)

    assert processed(recording) == "succeeded"

    assert recording.duration == pytest.approx(2.0, abs=0.1)


def test_trim_points_that_leave_nothing_fail_with_a_sentence(owner, clip):
    recording = upload(owner, clip("video"), trim_start=3.0, trim_end=1.0)

    assert processed(recording) == "failed"

    assert "trim points leave nothing" in newest(recording).error


def test_step_that_breaks_after_the_rendition_is_a_warning(owner, clip, settings):
    settings.PROCESSING_STEPS = [*settings.PROCESSING_STEPS, f"{__name__}.Breaks"]
    recording = upload(owner, clip("video"))

    assert processed(recording) == "succeeded"

    assert recording.state == Recording.State.READY
    assert "breaks" in recording.warning
    assert "ZeroDivisionError" in newest(recording).log


def test_reprocessing_replaces_renditions_and_keeps_the_words(owner, quiet_ends):
    recording = upload(owner, quiet_ends)
    processed(recording)
    before = files(recording)

    assert again(recording, trim_start=1.0, trim_end=3.0) == "succeeded"

    now = files(recording)
    kept = {str(row.stored.file.name) for row in recording.files.superseded()}
    assert now["trimmed"].endswith("_trimmed_v2.mp4")
    assert now["topics"].endswith("topics_v2.json")
    assert kept == {before[kind] for kind in ("transcript", "topics", "subtitles")}
    assert recording.duration == pytest.approx(2.0, abs=0.1)
    assert_nothing_but(set(now.values()) | kept)


def test_reprocessing_starts_from_the_rendition_where_no_original_is_left(owner, clip):
    recording = upload(owner, clip("video"), captions=CAPTIONS)
    processed(recording)
    assert "original" not in files(recording)

    assert again(recording) == "succeeded"

    assert files(recording)["trimmed"].endswith("_trimmed_v2.mp4")
    assert [one.text for one in parse(read(recording, "subtitles"))] == ["Привет", "мир"]


def test_reprocessing_that_fails_leaves_the_former_recording(owner, quiet_ends):
    recording = upload(owner, quiet_ends)
    processed(recording)
    before = files(recording)

    assert again(recording, trim_start=9.0) == "failed"

    assert (recording.state, files(recording)) == (Recording.State.READY, before)
    assert "trim points" in newest(recording).error
    assert_nothing_but(set(before.values()))


@pytest.mark.parametrize(
    ("refusal", "prepare"),
    [
        ("being processed already", lambda recording: None),
        ("in the trash", lambda recording: recording.__class__.objects.update(
            trashed_at="2026-01-01T00:00Z", purge_after="2030-01-01T00:00Z"
        )),
    ],
)  # fmt: skip
def test_start_that_makes_no_sense_is_refused(owner, clip, refusal, prepare):
    recording = upload(owner, clip("video"))
    prepare(recording)

    with pytest.raises(jobs.CannotProcess, match=refusal):
        jobs.start(recording.pk)


def test_recording_without_media_is_refused(owner):
    recording = Recording.objects.create(owner=owner, title="Empty", state="ready")

    with pytest.raises(jobs.CannotProcess, match="no video or audio left"):
        jobs.start(recording.pk)


def test_plug_in_transcriber_that_is_down_leaves_a_warning(owner, clip, settings):
    settings.TRANSCRIBER = f"{__name__}.Down"
    recording = upload(owner, clip("video"))

    assert processed(recording) == "succeeded"

    assert recording.warning == "There is no transcript. The transcriber is down."
    assert newest(recording).log.endswith("HTTP 503")


def test_transcriber_that_is_down_does_not_empty_a_transcript(owner, quiet_ends, settings):
    recording = upload(owner, quiet_ends, captions=CAPTIONS)
    processed(recording)
    before = files(recording)
    recording.given_captions = ""
    recording.save()
    settings.TRANSCRIBER = f"{__name__}.Down"

    assert again(recording) == "succeeded"

    now = files(recording)
    words = ("transcript", "topics", "subtitles")
    assert [now[kind] for kind in words] == [before[kind] for kind in words]
    assert_nothing_but(set(now.values()))


class Down:
    def transcribe(self, task: object) -> None:
        raise SiteFault("The transcriber is down.", "HTTP 503")


def test_job_that_has_ended_is_not_done_again(owner, clip):
    recording = upload(owner, clip("without_sound"))
    processed(recording)

    assert work.carry_out(newest(recording).pk) == "not ours"


@pytest.mark.s3
def test_original_in_a_bucket_is_never_in_memory_as_a_whole(s3, owner, clip, monkeypatch):
    """Opening it would take it all into memory; reading the chunks takes one at a time."""
    opened = []
    monkeypatch.setattr(S3File, "_get_file", lambda file: opened.append(file.name))
    recording = upload(owner, clip("video"))

    processed(recording)

    assert Recording.objects.get().state == Recording.State.READY
    assert opened == []
