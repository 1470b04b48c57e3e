from __future__ import annotations

import json
import subprocess
import threading
import time

import pytest
from PIL import Image

from recordings.processing.captions import Segment, parse
from recordings.processing.exceptions import Cancelled, MediaError
from recordings.processing.ffmpeg import binary
from recordings.processing.probe import probe
from recordings.processing.steps.audio import Audio
from recordings.processing.steps.poster import Poster, is_dark
from recordings.processing.steps.render import between, silences
from recordings.processing.steps.subtitles import Subtitles
from recordings.processing.steps.topics import Topics
from recordings.processing.steps.transcribe import Transcribe
from recordings.processing.steps.trim import Trim
from tests.processing import clips

pytestmark = pytest.mark.media

ALL = (Trim, Audio, Transcribe, Topics, Subtitles, Poster)


def run(context, *steps):
    outputs = [output for step in steps for output in step().run(context)]
    return {output.kind: output for output in outputs}


def near(seconds):
    return pytest.approx(seconds, abs=0.3)


def test_silence_around_the_sound_is_trimmed(tmp_path, probed):
    context = probed(clips.video(tmp_path, 10, start=3, end=7))

    made = run(context, Trim, Audio)

    assert probe(made["trimmed"].path).duration == near(4.5)
    assert probe(made["audio"].path).duration == near(4.5)
    assert context.removed_seconds == near(5.5)
    assert context.verified


def test_trim_points_win_over_silence_and_are_exact(tmp_path, probed):
    context = probed(clips.video(tmp_path, 8, start=3, end=5), trim_start=1.03, trim_end=6.5)

    made = run(context, Trim)

    assert probe(made["trimmed"].path).duration == pytest.approx(5.47, abs=0.2)  # two frames
    assert context.removed_seconds == pytest.approx(2.53, abs=0.1)


def test_one_trim_point_is_enough(tmp_path, probed):
    context = probed(clips.video(tmp_path, 4), trim_start=1.0)

    assert probe(run(context, Trim)["trimmed"].path).duration == near(3)


@pytest.mark.parametrize(("start", "end"), [(9, None), (3, 3), (3, 2), (-1, None)])
def test_trim_points_that_leave_nothing_are_refused(tmp_path, probed, start, end):
    clip = clips.video(tmp_path)

    with pytest.raises(MediaError, match="trim points leave nothing"):
        probed(clip, trim_start=start, trim_end=end)


@pytest.mark.parametrize("clip", [clips.without_sound, clips.silent, clips.video])
def test_nothing_to_trim_still_makes_a_rendition(tmp_path, probed, clip):
    context = probed(clip(tmp_path))

    made = run(context, Trim)

    assert probe(made["trimmed"].path).duration == near(context.info.duration)
    assert context.removed_seconds == 0
    assert context.verified


def test_what_browsers_play_is_copied_not_encoded(tmp_path, probed):
    context = probed(clips.video(tmp_path))
    before = stream_hash(context.source)

    assert stream_hash(run(context, Trim)["trimmed"].path) == before


def stream_hash(path):
    command = [binary(), "-v", "error", "-i", str(path), "-map", "0:v", "-c", "copy"]
    return subprocess.check_output([*command, "-f", "hash", "-"])


def test_index_comes_first_so_that_playing_starts_at_once(tmp_path, probed):
    data = run(probed(clips.video(tmp_path)), Trim)["trimmed"].path.read_bytes()

    assert data.index(b"moov") < data.index(b"mdat")


def test_anything_else_becomes_h264_with_even_sides(tmp_path, probed):
    context = probed(clips.odd(tmp_path))

    found = probe(run(context, Trim)["trimmed"].path)

    assert (found.video.codec, found.video.pixels) == ("h264", "yuv420p")
    assert (found.width, found.height) == (162, 122)
    assert found.audio.codec == "aac"


def test_avi_whose_timestamps_mp4_refuses_is_encoded(tmp_path, probed):
    clip = clips.make(
        tmp_path / "old.avi", *clips.picture(3), *clips.tone(3), *clips.H264, "-c:a", "aac"
    )

    assert probe(run(probed(clip), Trim)["trimmed"].path).duration == near(3)


@pytest.mark.parametrize("options", [{}, {"trim_start": 0.5}])
def test_turned_video_stays_upright(tmp_path, probed, options):
    found = probe(run(probed(clips.rotated(tmp_path), **options), Trim)["trimmed"].path)

    assert (found.width, found.height) == (120, 160)


def test_slides_at_a_frame_in_two_seconds_are_verified(tmp_path, probed):
    slides = clips.make(
        tmp_path / "slides.mp4", *clips.picture(10, rate=1), "-r", "0.5", *clips.H264
    )

    context = probed(slides, trim_start=3.0)
    run(context, Trim, Poster)

    assert context.verified


def test_sound_alone_is_trimmed_itself_and_has_no_video_or_poster(tmp_path, probed):
    context = probed(clips.sound_alone(tmp_path, 8, start=2, end=6))

    made = run(context, *ALL)

    assert set(made) == {"audio", "transcript", "topics", "subtitles"}
    assert probe(made["audio"].path).duration == near(4.5)
    assert context.removed_seconds == near(3.5)
    assert context.verified


def test_cover_art_does_not_become_a_film(tmp_path, probed):
    assert set(run(probed(clips.with_cover(tmp_path)), Trim, Audio)) == {"audio"}


def test_without_sound_every_kind_but_audio_is_there_and_empty(tmp_path, probed):
    made = run(probed(clips.without_sound(tmp_path)), *ALL)

    assert set(made) == {"trimmed", "transcript", "topics", "subtitles", "poster"}
    assert json.loads(made["transcript"].path.read_bytes())["segments"] == []
    assert json.loads(made["topics"].path.read_bytes())["topics"] == []
    assert made["subtitles"].path.read_bytes() == b""


def test_own_captions_win_and_move_with_the_trim(tmp_path, probed):
    given = [Segment(0.2, 0.8, "gone"), Segment(1.5, 2.0, "Привет"), Segment(2.5, 3.5, "мир")]
    context = probed(clips.video(tmp_path), trim_start=1.0, captions=given, language="ru")

    made = run(context, *ALL)

    expected = [Segment(0.5, 1.0, "Привет"), Segment(1.5, 2.5, "мир")]
    assert context.transcript.segments == expected
    assert (context.transcript.source, made["transcript"].draft) == ("owner", False)
    assert parse(made["subtitles"].path.read_bytes()) == expected


def test_spoken_words_are_heard_as_a_draft(tmp_path, probed):
    context = probed(clips.spoken(tmp_path))

    made = run(context, *ALL)

    assert context.transcript.segments
    assert made["transcript"].draft
    assert made["subtitles"].draft
    assert context.topics.topics
    assert context.warnings == []


def test_other_languages_give_no_segments_and_a_warning(tmp_path, probed):
    context = probed(clips.video(tmp_path), language="ru")

    run(context, Trim, Audio, Transcribe)

    assert context.transcript.segments == []
    assert "only English" in context.warnings[0]
    assert not context.site_fault


def test_missing_whisper_is_a_warning_and_the_sites_fault(tmp_path, probed, settings):
    settings.TRANSCRIBER = "recordings.processing.transcribers.whisper.Whisper"
    context = probed(clips.video(tmp_path))

    run(context, Trim, Audio, Transcribe)

    assert "administrator" in context.warnings[0]
    assert context.site_fault


def test_poster_is_a_bright_jpeg_within_bounds(tmp_path, probed):
    big = clips.make(tmp_path / "big.mp4", *clips.picture(1, "1920x1080", 5), *clips.H264)

    poster = run(probed(big), Trim, Poster)["poster"].path

    with Image.open(poster) as image:
        assert (image.format, image.size) == ("JPEG", (1280, 720))


def test_poster_is_not_taken_from_the_dark(tmp_path, probed):
    poster = run(probed(clips.dark_then_bright(tmp_path)), Trim, Poster)["poster"].path

    assert not is_dark(poster)


def test_recording_of_one_picture_has_a_poster(tmp_path, probed):
    one = clips.make(
        tmp_path / "one.mp4", *clips.picture(0.1), *clips.tone(5), *clips.H264, "-c:a", "aac"
    )

    with Image.open(run(probed(one), Trim, Poster)["poster"].path) as image:
        assert image.size == (160, 120)


@pytest.mark.parametrize("step", [Trim, Audio])
def test_step_stops_within_two_seconds_of_cancelling(tmp_path, probed, stop, step):
    long = clips.repeated(clips.video(tmp_path, 30), 100)
    context = probed(long, trim_start=1.0)
    cancelled_at: list[float] = []

    def cancel() -> None:
        cancelled_at.append(time.monotonic())
        stop.set()

    threading.Timer(1.0, cancel).start()
    with pytest.raises(Cancelled):
        run(context, step)

    assert time.monotonic() - cancelled_at[0] < 2


def test_transcribing_stops_within_two_seconds_of_cancelling(tmp_path, probed, stop):
    clip = clips.spoken(tmp_path)
    long = clips.repeated(clip, 40)
    context = probed(long, trim_start=0.0)
    context.audio = long
    cancelled_at: list[float] = []
    heard = threading.Event()

    def cancel(percent: int) -> None:
        if not heard.is_set():
            heard.set()
            cancelled_at.append(time.monotonic())
            stop.set()

    context.report = cancel
    with pytest.raises(Cancelled):
        run(context, Transcribe)

    assert time.monotonic() - cancelled_at[0] < 2


def test_progress_rises_to_its_end(tmp_path, probed):
    context = probed(clips.video(tmp_path, 10, start=3, end=7))
    told: list[int] = []
    context.report = told.append

    run(context, Trim)

    assert told == sorted(told)
    assert told[-1] == 100


def test_marks_of_silence_are_paired():
    marks = "lavfi.silence_start=0\nlavfi.silence_end=2.5\nlavfi.silence_start=8\n"

    quiet = silences(marks, 10.0)

    assert [(one.start, one.end) for one in quiet] == [(0, 2.5), (8, 10)]
    cut = between(quiet, 10.0)
    assert (cut.start, cut.end) == (2.25, 8.25)


def test_silence_throughout_or_in_the_middle_cuts_nothing():
    assert between(silences("lavfi.silence_start=0\n", 10.0), 10.0) is None
    assert between(silences("lavfi.silence_start=4\nlavfi.silence_end=6\n", 10.0), 10.0) is None
    assert between([], 10.0) is None
