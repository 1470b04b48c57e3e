"""Editing sessions for the proofs: a recording with a film, a session with changes and sound."""

from __future__ import annotations

from pathlib import Path

from recordings.editing import cleaning, sessions
from recordings.editing.models import EditingSession
from recordings.ledger.names import Kind
from recordings.models import Recording
from recordings.processing.captions import parse
from tests.conftest import store
from tests.processing import clips
from tests.proofs.scenes import Scene, World, make_owner

SRT = b"1\n00:00:00,500 --> 00:00:02,000\nbefore\n"
CAPTIONS = [
    {"start": 0.0, "end": 1.5, "text": "Привет"},
    {"start": 1.5, "end": 3.0, "text": "ক্ষুদ্র"},
]


def filmed(film: bytes) -> World:
    owner = make_owner()
    recording = Recording.objects.create(
        owner=owner, title="x", state=Recording.State.READY, duration=3.0, width=160, height=120
    )
    store(recording, Kind.TRIMMED, film)
    store(recording, Kind.SUBTITLES, SRT)
    return World(owner, recording)


def open_session(world: World) -> EditingSession:
    """Open a session with changed captions and a sound of its own."""
    session = sessions.begin(world.recording.pk)
    file = store(world.recording, Kind.SESSION_AUDIO, bytes(1000), session_id=session.pk)
    sessions.save(session.pk, sessions.Change(captions=CAPTIONS), revision=1)
    mine = EditingSession.objects.filter(pk=session.pk)
    mine.update(audio=file, used_until=None)
    return mine.get()


def assert_whole_or_gone(world: World, *, versions: int, draft: bool) -> bool:
    """The session is there as it was, or it is gone and its captions are published; tell which.

    `versions` of the subtitles stood before.
    """
    kinds = list(world.recording.files.values_list("kind", flat=True))
    current = world.recording.file(Kind.SUBTITLES)
    assert current is not None
    session = EditingSession.objects.filter(recording=world.recording).first()
    if session is not None:
        assert session.captions == CAPTIONS
        assert session.audio is not None
        assert (kinds.count(Kind.SESSION_AUDIO), kinds.count(Kind.SUBTITLES)) == (1, versions)
        return False
    with current.stored.file.open() as file:
        said = [one.text for one in parse(file.read())]
    assert said == [one["text"] for one in CAPTIONS]
    assert (current.edited, current.draft) == (True, draft)
    assert (kinds.count(Kind.SESSION_AUDIO), kinds.count(Kind.SUBTITLES)) == (0, versions + 1)
    return True


def idle() -> World:
    world = filmed(b"film")
    open_session(world)
    return world


def clean(world: World) -> None:
    for session in EditingSession.objects.all():
        cleaning.clean_session(session.pk, by="policy")


def check_cleaned_or_not(world: World) -> None:
    assert_whole_or_gone(world, versions=1, draft=True)


CLEANING = Scene("clean a session", idle, clean, check_cleaned_or_not)


def film_of(folder: Path) -> bytes:
    return clips.video(folder, 3).read_bytes()
