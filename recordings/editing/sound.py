"""The sound of a session: whether there is any to see, and the extraction of it."""

from __future__ import annotations

from typing import Final

from recordings.editing.models import EditingSession

NONE, MAKING, READY, FAILED = STATES = ("none", "making", "ready", "failed")
NO_SOUND: Final = "This recording has no sound."


def state_of(session: EditingSession) -> str:
    """Say how far the sound of a session is, in one word of STATES."""
    if session.audio_id is not None:
        return READY
    if session.audio_error == NO_SOUND:
        return NONE
    return FAILED if session.audio_error else MAKING


def carry_out(pk: int) -> str:
    """Extract the sound of a session, if it is ours to do; return how that ended."""
    return "not ours"
