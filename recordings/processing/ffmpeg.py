"""ffmpeg, found once and run on media that nobody has vouched for.

It may open local files of the formats named here and nothing else: no playlists, no concat
scripts, no network. It exits 0 on damaged input, so anything it says at `-v error` is a failure
where the result must be trusted.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from threading import Event
from typing import Final

import imageio_ffmpeg
from django.conf import settings

from recordings.processing import child
from recordings.processing.child import Ended, Limits
from recordings.processing.exceptions import MediaError, SiteFault

FORMATS: Final = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,ogg,mp3,wav,flac,aac,avi,mpegts"
THREADS: Final = min(os.cpu_count() or 1, 8)  # each costs address space
_NO_ROOM: Final = ("No space left on device", "Disk quota exceeded")
_NO_MEMORY: Final = ("Cannot allocate memory", "Out of memory", "malloc of size", "MemoryError")
_LACKING: Final = ("No such filter", "Error initializing filter 'ass'", "Unknown encoder")
_CRASHES: Final = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}


@cache
def binary() -> str:
    """Find ffmpeg: FFMPEG_BINARY, else PATH, else the imageio-ffmpeg wheel. Raises SiteFault."""
    if settings.FFMPEG_BINARY:
        return str(settings.FFMPEG_BINARY)
    if found := shutil.which("ffmpeg"):
        return found
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise SiteFault(
            "The site has no ffmpeg, so it cannot process media; an administrator has to install "
            "it or set FFMPEG_BINARY.",
            str(error),
        ) from error


def source(path: Path, *before: str) -> list[str]:
    """Say how to open an input: `before` are its options, such as `-ss`."""
    allowed = ["-protocol_whitelist", "file", "-format_whitelist", FORMATS]
    return [*allowed, "-threads", str(THREADS), *before, "-i", f"file:{path}"]


def command(args: Sequence[str]) -> list[str]:
    """Complete a command line: quiet, never asking, overwriting only what we named."""
    return [binary(), "-nostdin", "-hide_banner", "-v", "error", "-nostats", "-y", *args]


def run(
    args: Sequence[str],
    *,
    stop: Event,
    timeout: float,
    on_progress: Callable[[float], None] | None = None,
    output_limit: int | None = None,
    cwd: Path | None = None,
    strict: bool = True,
) -> str:
    """Run ffmpeg and return what it said on standard error.

    `on_progress` gets the seconds of media done so far, about twice a second. `output_limit` is
    the most bytes any file it writes may have. Raises MediaError, with `strict` also for a
    complaint without a failure; SiteFault when the disk is full, the time is up or somebody
    killed it; Cancelled.
    """
    ended = child.run(
        command(["-progress", "pipe:1", *args]),
        stop=stop,
        timeout=timeout,
        limits=limits(timeout, output_limit),
        on_line=_seconds(on_progress) if on_progress else None,
        cwd=cwd,
    )
    judge(ended, strict=strict)
    return ended.log


def limits(timeout: float, output: int | None = None) -> Limits:
    """What media tools may use; processor time is a backstop behind the wall clock."""
    return Limits(
        memory=settings.PROCESSING_MEMORY_BYTES,
        output=output,
        cpu=int(timeout) * THREADS + 10,
    )


def _seconds(on_progress: Callable[[float], None]) -> Callable[[str], None]:
    def read(line: str) -> None:
        name, _, value = line.strip().partition("=")
        if name == "out_time_us" and value.lstrip("-").isdecimal():
            on_progress(max(int(value), 0) / 1_000_000)

    return read


def judge(ended: Ended, *, strict: bool = True) -> None:
    """Turn the end of a media tool into nothing, or into whose fault it was."""
    log = ended.log
    if any(phrase in log for phrase in _NO_ROOM):
        raise SiteFault("The site's disk is full, so this could not be finished.", log)
    if any(phrase in log for phrase in _LACKING):
        raise SiteFault("The site's ffmpeg lacks what this needs; an administrator can help.", log)
    if ended.code == -signal.SIGXFSZ or "File too large" in log:
        raise MediaError("Processing this recording would make a file out of all proportion.", log)
    if any(phrase in log for phrase in _NO_MEMORY):
        raise MediaError("Reading this recording takes more memory than the site allows.", log)
    if ended.code == -signal.SIGXCPU:
        raise SiteFault("This took more processor time than the site allows.", log)
    if -ended.code in _CRASHES:
        raise MediaError("This file makes the decoder crash, so it is damaged.", log)
    if ended.code < 0:
        raise SiteFault("The work was stopped from outside, perhaps for lack of memory.", log)
    if "Traceback (most recent call last)" in log:
        raise SiteFault("The site's own program for reading media failed; its log says how.", log)
    if ended.code or (strict and log):
        raise MediaError(f"This recording is damaged or cut off: {_first_line(log)}", log)


def _first_line(log: str) -> str:
    """Take the first complaint without ffmpeg's `[mov @ 0x55]` and its file names."""
    line = log.partition("\n")[0].rpartition("] ")[2].strip()
    return (line if line and "/" not in line else "the decoder gave up").rstrip(".") + "."
