"""Clips for tests, made with the site's own ffmpeg; small, short and quick to encode."""

from __future__ import annotations

import shutil
import struct
import subprocess
from functools import cache
from pathlib import Path

import pytest

from recordings.processing.ffmpeg import binary

SAID = "Good morning. This is a lecture about databases."


def make(result: Path, *arguments: str) -> Path:
    subprocess.run([binary(), "-v", "error", "-y", *arguments, str(result)], check=True)
    return result


def picture(seconds: float, size: str = "160x120", rate: int = 10) -> list[str]:
    return ["-f", "lavfi", "-i", f"testsrc=s={size}:d={seconds}:r={rate}"]


def tone(seconds: float, *, start: float = 0.0, end: float | None = None) -> list[str]:
    """A tone between `start` and `end`, silence around it."""
    end = seconds if end is None else end
    volume = f"volume='between(t,{start},{end})':eval=frame"
    return ["-f", "lavfi", "-i", f"sine=f=440:d={seconds},{volume}"]


H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]


def video(
    folder: Path, seconds: float = 4, *, start: float = 0.0, end: float | None = None
) -> Path:
    """An MP4 that browsers play, its tone heard from `start` to `end`."""
    sound = tone(seconds, start=start, end=end)
    return make(folder / "video.mp4", *picture(seconds), *sound, *H264, "-c:a", "aac")


def repeated(clip: Path, times: int) -> Path:
    """The same clip over and over, made long without encoding it."""
    again = ["-stream_loop", str(times - 1), "-i", str(clip), "-c", "copy"]
    return make(clip.with_stem("long"), *again)


def without_sound(folder: Path, seconds: float = 3) -> Path:
    return make(folder / "mute.mp4", *picture(seconds), *H264)


def sound_alone(
    folder: Path,
    seconds: float = 4,
    *,
    start: float = 0.0,
    end: float | None = None,
    extension: str = "m4a",
) -> Path:
    return make(folder / f"sound.{extension}", *tone(seconds, start=start, end=end))


def silent(folder: Path, seconds: float = 3) -> Path:
    mute = ["-f", "lavfi", "-t", str(seconds), "-i", "anullsrc=r=44100:cl=stereo"]
    return make(folder / "silent.mp4", *picture(seconds), *mute, *H264, "-c:a", "aac")


def odd(folder: Path, seconds: float = 2) -> Path:
    """Odd sides, 4:4:4 colours, VP9 and Opus: nothing a browser's MP4 takes as it is."""
    codecs = [
        "-c:v",
        "libvpx-vp9",
        "-deadline",
        "realtime",
        "-pix_fmt",
        "yuv444p",
        "-c:a",
        "libopus",
    ]
    return make(folder / "odd.webm", *picture(seconds, "161x121"), *tone(seconds), *codecs)


def rotated(folder: Path) -> Path:
    """Turn a film the way telephones do: by the matrix in its track header.

    ffmpeg writes that with an option that versions before 6 do not know.
    """
    film = video(folder, 2).read_bytes()
    track = film.index(b"tkhd")
    matrix = film.index(_matrix(1, 0, 0, 1), track)
    turned = folder / "rotated.mp4"
    turned.write_bytes(film[:matrix] + _matrix(0, 1, -1, 0) + film[matrix + 36 :])
    return turned


def _matrix(a: int, b: int, c: int, d: int) -> bytes:
    """Return a display matrix without shift, as MP4 holds it (16.16, the last column 2.30)."""
    return struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)


def with_cover(folder: Path) -> Path:
    """An MP3 with a picture attached, which is no video."""
    cover = make(folder / "cover.png", *picture(0.1), "-frames:v", "1")
    attach = ["-i", str(cover), "-map", "0", "-map", "1", "-disposition:v", "attached_pic"]
    return make(folder / "cover.mp3", *tone(2), *attach, "-c:v", "png")


def dark_then_bright(folder: Path) -> Path:
    black = ["-f", "lavfi", "-i", "color=black:s=160x120:d=4:r=10"]
    joined = ["-filter_complex", "[0][1]concat=n=2:v=1:a=0"]
    return make(folder / "dark.mp4", *black, *picture(4), *joined, *H264)


def cut_off(folder: Path) -> Path:
    """An MP4 whose index came first and whose second half never arrived."""
    whole = make(
        folder / "whole.mp4", *picture(6), *tone(6), *H264, "-c:a", "aac", "-movflags", "+faststart"
    )
    half = folder / "cut_off.mp4"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    return half


def without_index(folder: Path) -> Path:
    """An MP4 cut off before its index, as a crashed camera leaves it."""
    half = folder / "without_index.mp4"
    whole = video(folder)
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    return half


@cache
def _speaker() -> str | None:
    return shutil.which("espeak-ng")


def spoken(folder: Path) -> Path:
    """A video in which SAID is said; skips the test where nothing here can speak."""
    speaker = _speaker()
    if speaker is None:
        pytest.skip("espeak-ng is not installed, so nothing can be said")
    voice = folder / "voice.wav"
    subprocess.run([speaker, "-s", "130", "-w", str(voice), SAID], check=True)
    return make(
        folder / "spoken.mp4", *picture(8), "-i", str(voice), *H264, "-c:a", "aac", "-shortest"
    )
