from __future__ import annotations

from pathlib import Path

import pytest

from recordings.processing.sniff import HEAD_SIZE, sniff
from tests.processing import clips

media = pytest.mark.media


def head(path: Path) -> bytes:
    return path.read_bytes()[:HEAD_SIZE]


@media
@pytest.mark.parametrize("extension", ["mp4", "mov", "3gp", "mkv", "avi", "ts"])
def test_video_is_known_by_its_bytes(tmp_path, extension):
    codecs = [*clips.H264, "-c:a", "aac"]
    clip = clips.make(tmp_path / f"clip.{extension}", *clips.picture(1), *clips.tone(1), *codecs)

    assert sniff(head(clip)).extension == extension


@media
@pytest.mark.parametrize("extension", ["m4a", "mp3", "wav", "flac", "aac", "ogg"])
def test_sound_is_known_by_its_bytes(tmp_path, extension):
    clip = clips.sound_alone(tmp_path, 2, extension=extension)

    assert sniff(head(clip)).extension == extension


@media
def test_webm_is_told_from_matroska(tmp_path):
    assert sniff(head(clips.odd(tmp_path))).extension == "webm"


@media
def test_mp3_without_a_tag_is_known_by_its_frames(tmp_path):
    bare = clips.make(
        tmp_path / "bare.mp3", *clips.tone(1), "-write_id3v2", "0", "-write_xing", "0"
    )

    assert sniff(head(bare)).extension == "mp3"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:10\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        b"Gone with the wind. " * 100,
        "\ufeffПривет".encode("utf-16-le") * 100,
        b"PK\x03\x04" + bytes(100),
        b"<!doctype html><html></html>",
        b"%PDF-1.7\n" + bytes(100),
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"\xff\xd8\xff\xe0" + bytes(100),
        b"\0\0\0\x18ftypheic" + bytes(100),
        b"\xff\xfb\x90\x64" + bytes(2000),
        b"RIFF\x24\0\0\0WEBPVP8 " + bytes(100),
        b"\0\0\0\x08free" + b"this is text, not a box" * 5,
    ],
)
def test_what_is_no_recording_is_none(data):
    assert sniff(data) is None
