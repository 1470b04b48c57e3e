"""A still out of the video, at a moment its owner picked."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import BoundedSemaphore, Event
from typing import Final

from recordings.ledger.names import Kind
from recordings.ledger.storages import DiskStorage, storage
from recordings.models import Recording, RecordingFile
from recordings.processing import ffmpeg
from recordings.processing.exceptions import MediaError, SiteFault
from recordings.processing.scratch import Scratch, scratch
from thumbnails import derive
from thumbnails.exceptions import Busy, CannotEdit, DecoderFault

logger = logging.getLogger(__name__)

FILM: Final = (Kind.TRIMMED, Kind.ORIGINAL)
PATIENCE: Final = 15.0  # seconds
LARGEST: Final = 4 * 1024**2  # bytes of the still; of noise it has one and a half million
MOST_FETCHED: Final = 512 * 1024**2  # bytes, of a film that is not on a disk here
KEPT: Final = 600  # seconds: from looking at it to saving it
WAIT: Final = 2.0  # seconds for one's turn: ffmpeg takes a core, so a process runs one at a time
SCALE: Final = "scale=w='min(1280,iw*sar)':h='min(1280,ih)':force_original_aspect_ratio=decrease"

_turn: Final = BoundedSemaphore(1)


def frame(recording: Recording, seconds: float) -> bytes:
    """Return the frame at `seconds` as JPEG, or the nearest before the end.

    Raises CannotEdit where there is none, Busy, DecoderFault and StorageFault.
    """
    film = film_of(recording)
    if film is None:
        raise CannotEdit("There is no video here to take a frame from.")
    if recording.duration:
        seconds = min(seconds, max(0.0, recording.duration - 0.5))
    seconds = math.floor(seconds * 10) / 10
    version, moment = film.stored.sha256, f"frame-{seconds:.1f}"
    taken = derive.kept(derive.of_recording(recording.pk), version, moment)
    if taken is None:
        if not _turn.acquire(timeout=WAIT):
            raise Busy("The site is busy with other videos; try again in a moment.")
        try:
            taken = _taken(recording, film, seconds)
        finally:
            _turn.release()
        derive.keep(derive.of_recording(recording.pk), version, moment, taken, seconds=KEPT)
    return taken


def film_of(recording: Recording) -> RecordingFile | None:
    """The file with moving pictures that is shown."""
    if recording.width is None:
        return None
    if hasattr(recording, "current_files"):
        files = recording.current_files
    else:
        files = list(recording.files.current().select_related("stored"))
    by_kind = {file.kind: file for file in files}
    return next((by_kind[kind] for kind in FILM if kind in by_kind), None)


def _taken(recording: Recording, film: RecordingFile, seconds: float) -> bytes:
    extension = str(film.stored.file.name).rpartition(".")[2]
    try:
        with (
            scratch(recording.owner_id, recording.pk, extension) as place,
            _at_hand(film, place) as source,
        ):
            result = place.work / "frame.jpg"
            _extract(source, result, seconds)
            return result.read_bytes()
    except SiteFault as fault:
        logger.error("no frame of recording %s: %s %s", recording.pk, fault, fault.log)
        raise DecoderFault(fault.sentence) from fault
    except (MediaError, FileNotFoundError) as error:
        logger.warning("no frame of recording %s: %s", recording.pk, error)
        raise CannotEdit("No frame can be taken from this moment of the video.") from error
    except OSError as error:  # no memory, descriptor or process
        logger.error("no frame of recording %s: %s", recording.pk, error)
        raise Busy("The site has no room to take a frame now; try again later.") from error


def _extract(source: Path, result: Path, seconds: float) -> None:
    arguments = [
        *ffmpeg.source(source, "-ss", f"{seconds:.3f}"),
        *("-map", "0:v:0", "-vf", f"{SCALE},setsar=1,format=yuvj420p", "-frames:v", "1"),
        *("-q:v", "2", "-map_metadata", "-1", "-f", "mjpeg", f"file:{result}"),
    ]
    stop = Event()
    ffmpeg.run(arguments, stop=stop, timeout=PATIENCE, output_limit=LARGEST, strict=False)


@contextmanager
def _at_hand(film: RecordingFile, place: Scratch) -> Iterator[Path]:
    """Give the film as a file on this machine: where it lies, or a copy in scratch."""
    kept_in = storage(film.stored.storage)
    if isinstance(kept_in, DiskStorage):
        yield Path(kept_in.path(str(film.stored.file.name)))
        return
    if film.stored.size > MOST_FETCHED:
        raise CannotEdit(
            "This video is too large to take a frame from where it is kept: upload a picture."
        )
    place.fill(derive.chunks(film.stored), stop=Event())
    yield place.source
