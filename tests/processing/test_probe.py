from __future__ import annotations

import pytest

from recordings.processing.probe import probe
from tests.processing import clips

pytestmark = pytest.mark.media


def test_video_with_sound(tmp_path):
    info = probe(clips.video(tmp_path))

    assert (bool(info.video), bool(info.audio)) == (True, True)
    assert (info.width, info.height) == (160, 120)
    assert info.duration == pytest.approx(4, abs=0.1)


def test_video_without_sound(tmp_path):
    info = probe(clips.without_sound(tmp_path))

    assert (bool(info.video), bool(info.audio)) == (True, False)


@pytest.mark.parametrize("extension", ["m4a", "mp3", "wav", "flac", "aac", "ogg"])
def test_sound_alone(tmp_path, extension):
    info = probe(clips.sound_alone(tmp_path, extension=extension))

    assert (bool(info.video), bool(info.audio)) == (False, True)
    assert (info.width, info.height) == (None, None)
    assert info.duration == pytest.approx(4, abs=0.2)


def test_turned_video_has_the_size_people_see(tmp_path):
    info = probe(clips.rotated(tmp_path))

    assert (info.width, info.height) == (120, 160)


def test_stretched_pixels_count_as_they_are_shown(tmp_path):
    wide = clips.make(tmp_path / "wide.mp4", *clips.picture(1), "-vf", "setsar=4/3", *clips.H264)

    assert probe(wide).width == 213


def test_cover_art_is_no_video(tmp_path):
    info = probe(clips.with_cover(tmp_path))

    assert (bool(info.video), bool(info.audio)) == (False, True)


def test_recording_without_a_stated_length_is_measured(tmp_path):
    """As browsers record it."""
    live = clips.make(
        tmp_path / "live.webm",
        *(*clips.picture(3), *clips.tone(3), "-c:v", "libvpx", "-deadline", "realtime"),
        *("-live", "1"),
    )

    assert probe(live).duration == pytest.approx(3, abs=0.2)
