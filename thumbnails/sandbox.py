"""Run `render.py` on a picture that nobody has vouched for, in a child under limits.

The picture goes in through memory that has no name and comes back through a pipe, so nothing can
be left behind. At most `SLOTS` children of a process work at a time, each within `LIMITS`.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from threading import BoundedSemaphore, Event
from typing import Any, Final

from recordings.processing import child
from recordings.processing.exceptions import MediaError, SiteFault
from thumbnails.exceptions import Busy, DecoderFault, PictureRefused, PictureTooLarge

logger = logging.getLogger(__name__)

MOST_BYTES: Final = 25 * 1024**2  # of a picture that is sent in
MOST_SAID: Final = 16 * 1024**2  # characters of a child's answer
TIMEOUT: Final = 8.0  # seconds; the largest honest pictures take one or two
LIMITS: Final = child.Limits(memory=1024**3, output=0, cpu=6)
SLOTS: Final = 2
WAIT: Final = 20.0  # seconds for a free slot
_slots: Final = BoundedSemaphore(SLOTS)
_SCRIPT: Final = Path(__file__).with_name("render.py")
CRASHES: Final = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}
SENTENCES: Final = {
    "kind": "This is no JPEG, PNG, WebP or GIF picture.",
    "pixels": "This picture is too large: it may have 40 million pixels at most.",
    "scans": "This picture is made to be slow to open, so it is not taken.",
    "time": "Opening this picture takes longer than the site allows.",
    "memory": "Opening this picture takes more memory than the site allows.",
    "damaged": "This picture is damaged or cut off.",
}


def render(order: dict[str, Any], picture: Iterable[bytes] = (), *, wait: float = WAIT) -> bytes:
    """Carry out an order of `render.py`; `picture` comes in pieces.

    Waits up to `wait` seconds for its turn. Raises PictureRefused, PictureTooLarge, Busy,
    DecoderFault and what `picture` raises.
    """
    with granted():
        source = os.fdopen(os.memfd_create("picture"), "w+b", buffering=0)
    with source:
        _fill(source, picture)  # before taking a slot, since what it comes from may be slow
        if not _slots.acquire(timeout=wait):
            raise Busy("The site is busy with other pictures; try again in a moment.")
        try:
            with granted():
                return _run(order, source)
        finally:
            _slots.release()


@contextmanager
def granted() -> Iterator[None]:
    """Say so where the operating system gives no memory, descriptor or process. Raises Busy."""
    try:
        yield
    except OSError as error:
        logger.error("no picture can be opened: %s", error)
        raise Busy("The site has no room to open a picture now; try again later.") from error


def _fill(source: FileIO, picture: Iterable[bytes]) -> None:
    size = 0
    for piece in picture:
        size += len(piece)
        if size > MOST_BYTES:
            raise PictureTooLarge("A picture may have 25 MB at most.")
        with granted():
            _write(source, piece)
    source.seek(0)


def _write(source: FileIO, piece: bytes) -> None:
    """Write all of it; without a buffer, which would raise again when it is closed."""
    left = memoryview(piece)
    while left:
        left = left[source.write(left) :]


def _run(order: dict[str, Any], source: FileIO) -> bytes:
    said = _Said()
    try:
        ended = child.run(
            [sys.executable, "-I", str(_SCRIPT), json.dumps(order)],
            stop=Event(),
            timeout=TIMEOUT,
            limits=LIMITS,
            on_line=said.take,
            stdin=source,
        )
    except SiteFault as fault:  # the wall clock; processor time has its own limit
        logger.warning("a picture was given up: %s", fault)
        raise Busy("The site is too busy to open this picture; try again in a moment.") from fault
    except MediaError as error:
        logger.warning("a picture was given up: %s", error)
        raise PictureRefused(SENTENCES["damaged"]) from error
    _judge(ended)
    return _made(said.lines)


class _Said:
    """What a child says, within bounds."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._room = MOST_SAID

    def take(self, line: str) -> None:
        self._room -= len(line)
        if self._room < 0:
            raise MediaError("Opening this picture gave more than any picture should.")
        self.lines.append(line)


def _judge(ended: child.Ended) -> None:
    """Raise PictureRefused where the picture ended the child, DecoderFault where the site did."""
    if not ended.code:
        return
    word = _word(ended)
    if not word:
        raise _fault(f"a decoder of pictures ended with {ended.code}: {ended.log}")
    logger.warning("a picture ended its decoder with %s: %s", ended.code, ended.log)
    raise PictureRefused(SENTENCES[word])


def _word(ended: child.Ended) -> str:
    """Say what was wrong with a picture that ended its decoder; empty where it was not at fault."""
    if ended.code == -signal.SIGXCPU:
        return "time"
    if "MemoryError" in ended.log:  # so late that the child could not say it in a word
        return "memory"
    return "damaged" if -ended.code in CRASHES else ""


def _fault(cause: str) -> DecoderFault:
    logger.error("%s", cause)
    return DecoderFault("The site could not open this picture; its log says why.")


def _made(lines: list[str]) -> bytes:
    """Read the answer of a child that ended well. Raises PictureRefused, DecoderFault."""
    if lines and lines[0].startswith("refused "):
        raise PictureRefused(_sentence(lines[0].removeprefix("refused ")))
    try:
        made = b"".join(base64.b64decode(line, validate=True) for line in lines)
    except ValueError:
        made = b""
    if not made:
        raise _fault("a decoder of pictures gave an answer that cannot be read")
    return made


def _sentence(word: str) -> str:
    if word.startswith("letters "):
        missing = _letters(word.removeprefix("letters "))
        return f"The site has no letters for “{missing[:20]}”: leave them out of the title."
    return SENTENCES.get(word, SENTENCES["damaged"])


def _letters(text: str) -> str:
    try:
        return str(json.loads(text))
    except (ValueError, RecursionError):
        return "some of them"
