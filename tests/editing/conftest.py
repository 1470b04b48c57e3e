"""Sessions to edit, and callers of the API."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from recordings import transfer
from recordings.editing import sessions, versions
from recordings.editing.models import EditingSession
from recordings.ledger.names import Kind
from recordings.models import Recording
from tests.api.conftest import caller
from tests.conftest import store
from tests.recordings.conftest import clip  # noqa: F401  (a fixture here too)

SRT = """\
1
00:00:00,500 --> 00:00:02,000
Привет

2
00:00:02,000 --> 00:00:03,500
নমস্কার
"""


@pytest.fixture
def api(owner: Any) -> Client:
    return caller(owner)


@pytest.fixture
def captioned(make_recording: Callable[..., Recording]) -> Recording:
    """A ready recording with two captions, one Russian and one Bengali."""
    recording = make_recording(files=3, duration=4.0, width=160, height=120)
    store(recording, Kind.SUBTITLES, SRT.encode())
    recording.refresh_from_db()
    return recording


@pytest.fixture
def session(captioned: Recording) -> EditingSession:
    return sessions.begin(captioned.pk)


@pytest.fixture
def given_away_meanwhile(make_user: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a recording transferred between storing its captions and showing them."""
    really_store, receiver = versions.store, make_user("boris")

    def store_and_give_away(recording: Recording, *said: Any) -> Any:
        stored = really_store(recording, *said)
        transfer.transfer([recording.pk], to=receiver, by="anna")
        return stored

    monkeypatch.setattr(versions, "store", store_and_give_away)


@pytest.fixture
def filmed(owner: Any, clip: Callable[..., Path]) -> Recording:  # noqa: F811
    """A ready recording of four seconds, with picture, sound and two captions."""
    film = clip("video", 4, start=1.0, end=3.0)
    recording = Recording.objects.create(
        owner=owner,
        title="Lecture",
        state=Recording.State.READY,
        duration=4.0,
        width=160,
        height=120,
        language="ru",
    )
    store(recording, Kind.TRIMMED, film.read_bytes())
    store(recording, Kind.SUBTITLES, SRT.encode())
    recording.refresh_from_db()
    return recording
