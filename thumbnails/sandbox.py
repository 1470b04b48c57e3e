"""Run `render.py` on a picture that nobody has vouched for, in a child under limits.

The picture goes in through memory that has no name and comes back through a pipe, so nothing can
be left behind. At most `SLOTS` children of a process work at a time, each within `LIMITS`.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from threading import BoundedSemaphore, Event
from typing import IO, Any, Final

from recordings.processing import child
from recordings.processing.exceptions import MediaError, SiteFault
from thumbnails.exceptions import Busy, PictureRefused, PictureTooLarge

logger = logging.getLogger(__name__)

MOST_BYTES: Final = 25 * 1024**2  # of a picture that is sent in
TIMEOUT: Final = 8.0  # seconds; the largest honest pictures take one or two
LIMITS: Final = child.Limits(memory=1024**3, output=0, cpu=6)
SLOTS: Final = 2
WAIT: Final = 20.0  # seconds for a free slot
_slots: Final = BoundedSemaphore(SLOTS)
_SCRIPT: Final = Path(__file__).with_name("render.py")
SENTENCES: Final = {
    "kind": "This is no JPEG, PNG, WebP or GIF picture.",
    "pixels": "This picture is too large: it may have 40 million pixels at most.",
    "scans": "This picture is made to be slow to open, so it is not taken.",
    "memory": "Opening this picture takes more memory than the site allows.",
    "damaged": "This picture is damaged or cut off.",
}


def render(order: dict[str, Any], picture: Iterable[bytes] = ()) -> bytes:
    """Carry out an order of `render.py`; `picture` comes in pieces.

    Raises PictureRefused, PictureTooLarge and Busy.
    """
    if not _slots.acquire(timeout=WAIT):
        raise Busy("The site is busy with other pictures; try again in a moment.")
    try:
        with os.fdopen(os.memfd_create("picture"), "w+b") as source:
            _fill(source, picture)
            return _run(order, source)
    finally:
        _slots.release()


def pieces(content: bytes) -> Iterable[bytes]:
    return iter([content])


def _fill(source: IO[bytes], picture: Iterable[bytes]) -> None:
    size = 0
    for piece in picture:
        size += len(piece)
        if size > MOST_BYTES:
            raise PictureTooLarge("A picture may have 25 MB at most.")
        source.write(piece)
    source.flush()
    source.seek(0)


def _run(order: dict[str, Any], source: IO[bytes]) -> bytes:
    lines: list[str] = []
    try:
        ended = child.run(
            [sys.executable, "-I", str(_SCRIPT), json.dumps(order)],
            stop=Event(),
            timeout=TIMEOUT,
            limits=LIMITS,
            on_line=lines.append,
            stdin=source,
        )
    except (SiteFault, MediaError) as error:
        logger.warning("a picture was given up: %s", error)
        raise PictureRefused("Opening this picture takes longer than the site allows.") from error
    if lines and lines[0].startswith("refused "):
        raise PictureRefused(_sentence(lines[0].removeprefix("refused ")))
    if ended.code or not lines:
        logger.warning("a picture ended its decoder with %s: %s", ended.code, ended.log)
        raise PictureRefused(SENTENCES["memory" if "MemoryError" in ended.log else "damaged"])
    return _joined(lines)


def _joined(lines: list[str]) -> bytes:
    return b"".join(base64.b64decode(line) for line in lines)


def _sentence(word: str) -> str:
    if word.startswith("letters "):
        missing = json.loads(word.removeprefix("letters "))
        return f"The site has no letters for “{missing[:20]}”: leave them out of the title."
    return SENTENCES.get(word, SENTENCES["damaged"])
