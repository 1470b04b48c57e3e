"""Whose fault it is when a media tool ends badly."""

from __future__ import annotations

import sys
from threading import Event

import pytest

from recordings.processing import child, ffmpeg
from recordings.processing.exceptions import MediaError, SiteFault


def ended(program: str) -> child.Ended:
    return child.run(
        [sys.executable, "-I", "-c", program], stop=Event(), timeout=30, limits=ffmpeg.limits(30)
    )


def test_program_of_ours_that_breaks_is_no_damage_of_the_recording():
    """Else a library that changed its ways would have people delete good originals."""
    with pytest.raises(SiteFault, match="own program"):
        ffmpeg.judge(ended("open(metadata='x')"), strict=False)


def test_complaint_about_the_file_is_told_as_it_is():
    with pytest.raises(MediaError, match="Invalid data found"):
        ffmpeg.judge(ended("import sys; sys.exit('Invalid data found when reading')"))


def test_ffmpeg_that_lacks_a_filter_is_no_damage_of_the_recording(tmp_path):
    with pytest.raises(SiteFault, match="lacks"):
        ffmpeg.run(
            ["-f", "lavfi", "-i", "color=d=1", "-vf", "no_such_thing", "-f", "null", "-"],
            stop=Event(),
            timeout=30,
        )
