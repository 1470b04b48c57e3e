"""From a session to a final video: burned in or with a track, and nothing by half."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest

from recordings import tasks, trash
from recordings.editing import rendering, sessions, sound
from recordings.editing.models import EditingSession
from recordings.ledger.exceptions import Lost
from recordings.ledger.models import Account, Receipt, StoredFile
from recordings.ledger.names import Kind
from recordings.models import Job, Recording, RecordingFile
from recordings.processing import ffmpeg, jobs, work
from recordings.processing.captions import parse
from recordings.processing.probe import probe
from recordings.processing.scratch import items
from recordings.processing.watchdog import Watchdog
from tests.conftest import assert_clean, store
from tests.recordings.scenes import assert_nothing_but, newest, ship_rules, until, worker

pytestmark = [pytest.mark.media, pytest.mark.django_db(transaction=True)]

CAPTIONS = [
    {"start": 0.0, "end": 2.0, "text": "Привет, мир"},
    {"start": 2.0, "end": 9.0, "text": "ক্ষুদ্র বক্তৃতা {x} C:\\New"},
]


@pytest.fixture
def opened(filmed):
    session = sessions.begin(filmed.pk)
    sessions.save(session.pk, sessions.Change(captions=CAPTIONS), revision=1)
    sound.carry_out(session.pk)
    session.refresh_from_db()
    return session


@pytest.fixture
def ask(api: Any, opened: EditingSession) -> Any:
    def send(mode: str = "track", **more: Any) -> Any:
        return api.post(
            f"/api/sessions/{opened.pk}/render",
            {"mode": mode, **more},
            content_type="application/json",
        )

    return send


def final_of(recording: Any, folder: Path) -> Path:
    """Fetch the only final video of a recording."""
    file = RecordingFile.objects.get(recording=recording, kind=Kind.FINAL)
    path = folder / "final.mp4"
    with file.stored.file.open("rb") as source:
        path.write_bytes(source.read())
    return path


def frame(video: Path, second: float) -> bytes:
    """The lower third of one frame, as grey levels."""
    command = [
        *(ffmpeg.binary(), "-v", "error", "-ss", str(second), "-i", str(video)),
        *("-vf", "crop=iw:ih/3:0:ih*2/3", "-frames:v", "1", "-pix_fmt", "gray"),
        *("-f", "rawvideo", "-"),
    ]
    return subprocess.run(command, check=True, capture_output=True).stdout


@pytest.mark.parametrize("mode", ["burn", "track"])
def test_rendering_ends_with_a_video_new_subtitles_and_no_session(
    ask, api, opened, filmed, mode, tmp_path
):
    answer = ask(mode)
    assert (answer.status_code, answer.json()["kind"]) == (202, "render")
    assert api.get(f"/api/sessions/{opened.pk}").json()["job"]["id"] == answer.json()["id"]
    assert api.get(f"/api/recordings/{filmed.pk}").json()["state"] == "ready"

    assert work.carry_out(answer.json()["id"]) == "succeeded"

    job = api.get(f"/api/jobs/{answer.json()['id']}").json()
    assert (job["state"], job["progress"]) == ("succeeded", 100)
    assert api.get(f"/api/sessions/{opened.pk}").status_code == 404
    subtitles = filmed.file(Kind.SUBTITLES)
    assert (subtitles.version, subtitles.edited, subtitles.draft) == (2, True, False)
    with subtitles.stored.file.open() as file:
        assert [one.text for one in parse(file.read())] == [one["text"] for one in CAPTIONS]
    assert filmed.files.superseded().get().version == 1
    final = filmed.files.get(kind=Kind.FINAL)
    assert str(final.stored).endswith(f"/video/final/{filmed.pk}_final_{opened.pk}.mp4")
    made = probe(final_of(filmed, tmp_path))
    assert made.duration == pytest.approx(4.0, abs=0.1)
    assert (made.width, made.height, made.audio.codec) == (160, 120, "aac")
    filmed.refresh_from_db()
    assert filmed.state == "ready"
    assert_nothing_but({str(file.stored) for file in filmed.files.select_related("stored")})
    sound_gone = Receipt.objects.get(kind=Kind.SESSION_AUDIO)
    assert (sound_gone.reason, sound_gone.released_by) == ("replaced", "rendering")


def test_burned_captions_are_in_the_picture(ask, opened, filmed, tmp_path):
    sessions.save(opened.pk, sessions.Change(style={"font_size": 15}), revision=2)
    work.carry_out(ask("burn").json()["id"])

    source = tmp_path / "source.mp4"
    with filmed.file(Kind.TRIMMED).stored.file.open("rb") as file:
        source.write_bytes(file.read())
    before, after = frame(source, 1), frame(final_of(filmed, tmp_path), 1)
    changed = sum(abs(one - other) > 60 for one, other in zip(before, after, strict=True))
    assert changed > 100


def test_track_carries_captions_and_language(ask, filmed, tmp_path):
    work.carry_out(ask("track").json()["id"])

    video = final_of(filmed, tmp_path)
    back = subprocess.run(
        [ffmpeg.binary(), "-v", "error", "-i", str(video), "-map", "0:s:0", "-f", "webvtt", "-"],
        check=True,
        capture_output=True,
    )
    assert [(one.start, one.end) for one in parse(back.stdout)] == [(0.0, 2.0), (2.0, 4.0)]
    said = CAPTIONS[1]["text"].replace("\\", "\u2060\\\u2060").encode()
    assert len(said).to_bytes(2, "big") + said in video.read_bytes()
    told = subprocess.run(
        [ffmpeg.binary(), "-i", str(video)], check=False, capture_output=True, text=True
    )
    assert "(rus): Subtitle: mov_text" in told.stderr


@pytest.mark.parametrize("mode", ["burn", "track"])
def test_the_other_ffmpeg_renders_the_same(ask, settings, filmed, mode, request, tmp_path):
    settings.FFMPEG_BINARY = imageio_ffmpeg.get_ffmpeg_exe()
    ffmpeg.binary.cache_clear()
    request.addfinalizer(ffmpeg.binary.cache_clear)

    assert work.carry_out(ask(mode).json()["id"]) == "succeeded"
    if mode == "track":
        assert b"{x} C:" in final_of(filmed, tmp_path).read_bytes()


@pytest.mark.parametrize("mode", ["burn", "track"])
def test_what_no_browser_plays_is_rendered_for_all(owner, clip, mode, tmp_path):
    recording = Recording.objects.create(owner=owner, title="x", state="ready")
    store(recording, Kind.ORIGINAL, clip("odd").read_bytes(), extension="webm")
    session = sessions.begin(recording.pk)
    sessions.save(session.pk, sessions.Change(captions=CAPTIONS[:1]), revision=1)

    job = rendering.start(session.pk, mode)

    assert work.carry_out(job.pk) == "succeeded"
    made = probe(final_of(recording, tmp_path))
    assert (made.video.codec, made.video.pixels, made.audio.codec) == ("h264", "yuv420p", "aac")
    assert (made.width % 2, made.height % 2) == (0, 0)


def test_captions_that_overlap_go_into_a_track(ask, opened, filmed):
    both = [*CAPTIONS, {"start": 1.0, "end": 3.0, "text": "meanwhile"}]
    sessions.save(opened.pk, sessions.Change(captions=both), revision=2)

    assert work.carry_out(ask().json()["id"]) == "succeeded"


def test_stale_revision_is_not_rendered(ask):
    answer = ask(revision=1)

    assert (answer.status_code, answer.json()["code"]) == (409, "stale_revision")
    assert not Job.objects.exists()


@pytest.mark.parametrize("mode", ["", "both", None, 7])
def test_unknown_mode_is_refused(ask, mode):
    assert ask(mode).status_code == 400


def test_second_rendering_waits_for_the_first(ask):
    ask()

    answer = ask()

    assert (answer.status_code, answer.json()["code"]) == (409, "cannot_edit")


def test_captions_stay_as_they_are_while_they_are_rendered(ask, api, opened):
    ask()

    body = {"revision": 2, "captions": []}
    path = f"/api/sessions/{opened.pk}"
    saved = api.patch(path, body, content_type="application/json")
    alive = api.patch(path, {"revision": 2}, content_type="application/json")

    assert (saved.status_code, api.delete(path).status_code) == (409, 409)
    assert alive.status_code == 200


def test_session_without_words_is_not_rendered(ask, opened):
    wordless = [{"start": 0.0, "end": 1.0, "text": ""}]
    sessions.save(opened.pk, sessions.Change(captions=wordless), revision=2)

    assert ask().status_code == 409


def test_captions_no_font_here_can_write_go_into_a_track_alone(ask, opened):
    hindi = [{"start": 0.0, "end": 1.0, "text": "Всё हिन्दी 😀"}]
    sessions.save(opened.pk, sessions.Change(captions=hindi), revision=2)

    burned = ask("burn")

    assert burned.status_code == 409
    assert "no font for “हिन" in burned.json()["detail"]
    assert work.carry_out(ask("track").json()["id"]) == "succeeded"


def test_sound_alone_is_not_rendered(api, filmed, clip):
    filmed.files.get(kind=Kind.TRIMMED).delete()
    store(filmed, Kind.AUDIO, clip("sound_alone", extension="mp3").read_bytes())
    type(filmed).objects.update(width=None, height=None)
    session = sessions.begin(filmed.pk)

    with pytest.raises(rendering.CannotEdit, match="no picture"):
        rendering.start(session.pk, "burn")


def test_rendering_that_fails_keeps_the_session(ask, opened, filmed):
    ask()
    stored = filmed.file(Kind.TRIMMED).stored
    path = Path(stored.file.path)
    path.write_bytes(path.read_bytes()[:2000])

    assert work.carry_out(newest(filmed).pk) == "failed"

    assert EditingSession.objects.get().captions == CAPTIONS
    filmed.refresh_from_db()
    assert filmed.state == "ready"
    assert not StoredFile.objects.exclude(state="ready").exists()
    assert not RecordingFile.objects.filter(kind=Kind.FINAL).exists()
    assert list(items()) == []


def test_cancelled_rendering_keeps_the_session_and_no_byte(ask, opened, filmed, clip, stored_names):
    filmed.files.get(kind=Kind.TRIMMED).delete()
    store(filmed, Kind.TRIMMED, clip("video", 120).read_bytes())
    tasks.purge()
    before = stored_names()
    job = newest_after(ask("burn"))

    with worker(job.pk) as result:
        until(lambda: Job.objects.get(pk=job.pk).step == "rendering")
        assert jobs.cancel(Job.objects.get(pk=job.pk))
        assert result() == "cancelled"

    assert EditingSession.objects.get().captions == CAPTIONS
    filmed.refresh_from_db()
    assert filmed.state == "ready"
    assert_nothing_but(before)


def newest_after(answer: Any) -> Job:
    assert answer.status_code == 202
    return Job.objects.get(pk=answer.json()["id"])


def test_owner_without_room_for_the_video_is_told_beforehand(ask, owner):
    account = Account.objects.of(owner.pk)
    Account.objects.filter(pk=account.pk).update(
        uses_default_limit=False, own_limit=account.used + 10
    )

    answer = ask()

    assert (answer.status_code, answer.json()["code"]) == (413, "quota_exceeded")
    assert not Job.objects.exists()


def test_recording_that_goes_to_the_trash_stops_its_rendering(ask, opened, filmed):
    job = newest_after(ask())
    trash.move_to_trash([filmed.pk], by="olga")

    assert work.carry_out(job.pk) == "not ours"
    assert jobs.recover() == 1

    trash.restore([filmed.pk])
    assert EditingSession.objects.get().captions == CAPTIONS
    assert Job.objects.get().state == "cancelled"
    assert_clean()


def test_processing_anew_keeps_the_captions_a_person_edited(ask, filmed):
    work.carry_out(ask().json()["id"])
    jobs.start(filmed.pk)

    assert work.carry_out(newest(filmed).pk) == "succeeded"

    with filmed.file(Kind.SUBTITLES).stored.file.open() as file:
        assert [one.text for one in parse(file.read())] == [one["text"] for one in CAPTIONS]


@pytest.mark.parametrize("language", ["en", "ru"])
def test_processing_the_original_anew_replaces_no_captions_a_person_edited(filmed, clip, language):
    ship_rules()
    store(filmed, Kind.ORIGINAL, clip("video", 4, start=1.0, end=3.0).read_bytes())
    file = filmed.file(Kind.SUBTITLES)
    RecordingFile.objects.filter(pk=file.pk).update(edited=True)
    jobs.start(filmed.pk, options={"language": language, "trim_start": 0.0, "trim_end": 4.0})

    assert work.carry_out(newest(filmed).pk) == "succeeded"

    assert filmed.file(Kind.SUBTITLES) == file


def test_edited_captions_of_another_cut_are_among_the_former_ones(filmed, clip):
    ship_rules()
    store(filmed, Kind.ORIGINAL, clip("video", 4, start=1.0, end=3.0).read_bytes())
    file = filmed.file(Kind.SUBTITLES)
    RecordingFile.objects.filter(pk=file.pk).update(edited=True)
    jobs.start(filmed.pk, options={"trim_start": 1.0, "trim_end": 3.0, "language": "en"})

    assert work.carry_out(newest(filmed).pk) == "succeeded"

    filmed.refresh_from_db()
    assert [one for one in filmed.files.former() if one.edited] == [file]
    assert "among the former files" in filmed.warning


def test_edited_captions_of_another_cut_that_nothing_replaces_are_told_of(filmed, clip, settings):
    ship_rules()
    usual, settings.TRANSCRIBER = settings.TRANSCRIBER, "tests.recordings.test_pipeline.Down"
    store(filmed, Kind.ORIGINAL, clip("video", 4, start=1.0, end=3.0).read_bytes())
    file = filmed.file(Kind.SUBTITLES)
    RecordingFile.objects.filter(pk=file.pk).update(edited=True, cut_length=filmed.duration)
    cut = {"trim_start": 1.0, "trim_end": 3.0, "language": "en"}
    jobs.start(filmed.pk, options=cut)

    assert work.carry_out(newest(filmed).pk) == "succeeded"

    filmed.refresh_from_db()
    assert filmed.file(Kind.SUBTITLES) == file
    assert filmed.warning.endswith("belong to another cut, so their times are wrong now.")

    settings.TRANSCRIBER = usual
    jobs.start(filmed.pk, options=cut)

    assert work.carry_out(newest(filmed).pk) == "succeeded"

    filmed.refresh_from_db()
    assert [one for one in filmed.files.former() if one.edited] == [file]
    assert "among the former files" in filmed.warning


class Asleep(Watchdog):
    """Notices nothing of what becomes of its job."""

    def enter(self, step: str) -> None:
        pass


def test_late_worker_publishes_nothing(ask, opened, filmed):
    job = jobs.claim(newest_after(ask()).pk)
    Job.objects.filter(pk=job.pk).update(claim=None, claimed_by="", state="queued")

    with pytest.raises(Lost):
        rendering.render(job, Asleep(job))

    assert not RecordingFile.objects.filter(kind=Kind.FINAL).exists()
    assert work.carry_out(job.pk) == "succeeded"
    final = RecordingFile.objects.get(kind=Kind.FINAL)
    assert str(final.stored).endswith(f"_final_{opened.pk}_v2.mp4")  # no name comes twice
    assert_clean()
