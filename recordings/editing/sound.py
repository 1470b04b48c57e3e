"""The sound of a session, extracted as a small WAV for its waveform.

A session that was opened waits for it in its own row: claimed by token, taken back from dead
workers, given up with a sentence where the recording has none or its owner no room, until somebody
asks for it once more. The editor works without.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final
from uuid import uuid4

from django.db import close_old_connections
from django.db.models import Q
from django.db.models.functions import Now

from recordings.editing import sessions, waveform
from recordings.editing.models import EditingSession
from recordings.ledger import leases, names
from recordings.ledger.exceptions import (
    AccountClosed,
    Lost,
    QuotaExceeded,
    StorageFault,
    StorageFull,
)
from recordings.ledger.names import Kind
from recordings.ledger.publish import Publication
from recordings.ledger.storages import storage
from recordings.ledger.transactions import retried
from recordings.models import Recording, RecordingFile
from recordings.processing import ffmpeg
from recordings.processing.exceptions import Cancelled, MediaError, SiteFault
from recordings.processing.probe import probe
from recordings.processing.publishing import CHUNK, publish
from recordings.processing.scratch import Scratch, scratch
from recordings.processing.watchdog import shutting_down
from recordings.trash import locked

logger = logging.getLogger(__name__)

NONE, MAKING, READY, FAILED = STATES = ("none", "making", "ready", "failed")
NO_SOUND: Final = "This recording has no sound."
# The first that stands, since the rendition's clock is the captions'.
SOURCES: Final = (Kind.AUDIO, Kind.TRIMMED, Kind.ORIGINAL)
LEASE: Final = timedelta(minutes=2)
RENEW_SECONDS: Final = 20
WAIT: Final = timedelta(minutes=1)  # after a fault of the site
WANTED_FOR: Final = timedelta(hours=1)  # from its opening; later only while it is in use
MOST_RINGS: Final = 10
TIMEOUT: Final = 3600.0  # seconds
LARGEST: Final = 4 * 1024**3  # bytes: what a WAV can hold


def state_of(session: EditingSession) -> str:
    """Say how far the sound of a session is, in one word of STATES."""
    if session.audio_id is not None:
        return READY
    if session.audio_error == NO_SOUND:
        return NONE
    return FAILED if session.audio_error else MAKING


def carry_out(pk: int) -> str:
    """Extract the sound of a session, if it is ours to do; return how that ended."""
    close_old_connections()
    session = None if shutting_down.is_set() else claim(pk)
    if session is None:
        return "not ours"
    try:
        prepare(session)
    except (Lost, Cancelled):
        return "put back" if _change(session, lease_until=None) else "lost"
    except MediaError as error:
        return _failed(session, error.sentence)
    except (QuotaExceeded, AccountClosed) as error:
        return _failed(session, str(error))
    except (SiteFault, StorageFault, StorageFull):
        logger.warning("the sound of %s waits and is tried again", session, exc_info=True)
        return "put back" if _change(session, lease_until=Now() + WAIT) else "lost"
    except Exception:
        logger.exception("the sound of %s", session)
        return _failed(session, "Something went wrong on the site.")
    return "ready"


def claim(pk: int) -> EditingSession | None:
    """Take a session that waits for its sound, or None when another has it or nothing is due."""
    due = EditingSession.objects.filter(_due(), pk=pk)
    taken = retried(
        lambda: due.update(claim=uuid4(), claimed_by=leases.holder(), lease_until=Now() + LEASE)
    )
    return EditingSession.objects.select_related("recording").get(pk=pk) if taken else None


def _due() -> Q:
    """Without sound, and neither given up nor claimed nor made to wait."""
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    live = Q(recording__in=Recording.objects.live().filter(state=Recording.State.READY))
    return Q(audio=None, audio_error="") & free & live


def try_again(pk: int) -> bool:
    """Make a sound due that was given up, such as for want of room; False where none was."""
    silent = EditingSession.objects.filter(pk=pk, audio=None)
    given_up = silent.exclude(audio_error__in=["", NO_SOUND])
    if not retried(lambda: given_up.update(audio_error="", lease_until=None)):
        return False
    sessions.ring(pk)
    return True


def waiting() -> list[int]:
    """Return sessions whose sound is due and still of use, as many as a tick may ring for."""
    wanted = Q(created_at__gt=Now() - WANTED_FOR) | Q(used_until__gt=Now())
    rows = EditingSession.objects.filter(_due(), wanted).order_by("pk")
    return list(rows.values_list("pk", flat=True)[:MOST_RINGS])


def recover() -> int:
    """Take back the claims of processes that are no more; return how many."""
    claimed = EditingSession.objects.filter(claim__isnull=False)
    dead = [one for one in claimed.only("claim", "claimed_by") if leases.is_gone(one.claimed_by)]
    return sum(_change(session, lease_until=None) for session in dead)


def _change(session: EditingSession, **values: object) -> bool:
    """Let go of our claim, changing something else with it; False when it was lost."""
    mine = EditingSession.objects.filter(pk=session.pk, claim=session.claim)
    return bool(retried(lambda: mine.update(claim=None, claimed_by="", **values)))


def _failed(session: EditingSession, sentence: str) -> str:
    return "failed" if _change(session, lease_until=None, audio_error=sentence) else "lost"


def prepare(session: EditingSession) -> None:
    """Extract, store and show the sound of a session we have claimed."""
    recording = session.recording
    source = recording.first_file(SOURCES)
    if source is None:
        raise MediaError(NO_SOUND)
    with scratch(recording.owner_id, recording.pk, source.extension) as place:
        stored = source.stored
        keeper = _Keeper(session)
        original = storage(stored.storage).chunks(str(stored.file.name))
        place.fill(_kept(original, keeper), stop=shutting_down)
        result = extract(place, keeper)
        with result.open("rb") as file:
            publication, number = publish(
                file,
                size=result.stat().st_size,
                recording=recording,
                kind=Kind.SESSION_AUDIO,
                name=partial(names.session_audio, recording.owner_id, session.pk),
                stop=shutting_down,
            )
        with publication:
            _draw(publication, result)
            retried(partial(_show, session, publication, number))


def _draw(publication: Publication, result: Path) -> None:
    with result.open("rb") as file:
        chunks = iter(partial(file.read, CHUNK), b"")
        waveform.remember(publication.sha256, chunks, size=publication.size)


def _kept(chunks: Iterable[bytes], keeper: _Keeper) -> Iterator[bytes]:
    """Pass a recording on, keeping the claim meanwhile: copying a large one takes long."""
    for chunk in chunks:
        keeper(0.0)
        yield chunk


def extract(place: Scratch, keeper: _Keeper) -> Path:
    """Write the WAV, keeping the claim meanwhile. Raises MediaError where there is no sound."""
    audio = probe(place.source, stop=shutting_down).audio
    if audio is None:
        raise MediaError(NO_SOUND)
    result = place.work / "session.wav"
    bare = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact"]
    shape = ["-ac", "1", "-ar", str(waveform.RATE), "-c:a", "pcm_s16le"]
    ffmpeg.run(
        [
            *ffmpeg.source(place.source),
            *("-map", f"0:{audio.index}", "-vn", "-af", "aresample=async=1:first_pts=0"),
            *(*shape, *bare, "-f", "wav", f"file:{result}"),
        ],
        stop=shutting_down,
        timeout=TIMEOUT,
        on_progress=keeper,
        output_limit=LARGEST,
        strict=False,  # a gap in the sound is a gap in the picture of it
    )
    return result


class _Keeper:
    """Renews the claim on a session now and then, when told of progress. Raises Lost."""

    def __init__(self, session: EditingSession) -> None:
        self._mine = EditingSession.objects.filter(pk=session.pk, claim=session.claim)
        self._renewed = time.monotonic()

    def __call__(self, seconds: float) -> None:
        if time.monotonic() - self._renewed < RENEW_SECONDS:
            return
        if not self._mine.update(lease_until=Now() + LEASE):
            raise Lost("This session is gone, or somebody else's.")
        self._renewed = time.monotonic()


def _show(session: EditingSession, publication: Publication, number: int) -> None:
    """Give the session its sound, if both are still what they were."""
    with locked([session.recording_id], of=session.recording.owner_id) as found:
        rows = EditingSession.objects.filter(pk=session.pk, claim=session.claim)
        if not found or found[0].trashed_at is not None or not rows.select_for_update():
            raise Lost("This session is gone, or somebody else's.")
        file = RecordingFile.objects.create(
            recording=found[0],
            kind=Kind.SESSION_AUDIO,
            version=number,
            stored=publication.settle(),
        )
        rows.update(audio=file, claim=None, claimed_by="", lease_until=None)
