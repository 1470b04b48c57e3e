"""How long things stay that policies take one day: the layers above say it, these promise it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from recordings.models import RecordingFile

# Takes the slug of what policies are about; the first answer that is not None holds.
sources: list[Callable[[str], timedelta | None]] = []


def stay(of: str) -> timedelta | None:
    """Return how long things of a kind stay, such as `trash`; None where nobody says."""
    said = (source(of) for source in sources)
    return next((period for period in said if period is not None), None)


def final_leaves_at(file: RecordingFile, period: timedelta | None) -> datetime | None:
    """Return when a final video goes that stays for `period`; None where something keeps it.

    Of a file whose recording came `with_held()`.
    """
    recording = file.recording
    keeps = recording.is_held or recording.is_kept or recording.trashed_at is not None
    return None if period is None or keeps else file.created_at + period
