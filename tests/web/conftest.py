"""What the tests of the owners' pages share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from recordings.ledger.names import Kind
from recordings.models import Recording
from recordings.processing.captions import Segment, write_srt
from recordings.processing.documents import Topic, Topics, Transcript
from tests.conftest import store


@pytest.fixture
def browser(owner: Any, client: Client) -> Client:
    """A browser in which the owner has signed in."""
    client.force_login(owner)
    return client


@pytest.fixture
def make_spoken(owner: Any) -> Callable[..., Recording]:
    """Make a recording with a transcript, topics and subtitles that can be read."""

    def make(*said: str, draft: bool = False, source: str = "pocketsphinx") -> Recording:
        recording = Recording.objects.create(
            owner=owner, title="Lecture", state="ready", duration=60, width=640, height=360
        )
        segments = [Segment(i * 5.0, i * 5.0 + 4, text) for i, text in enumerate(said)]
        store(recording, Kind.TRIMMED, b"video" * 100)
        transcript = store(
            recording, Kind.TRANSCRIPT, Transcript("en", source, draft, segments).dump()
        )
        transcript.draft = draft
        transcript.save()
        topics = Topics("en", "keywords", [Topic(0, 5, "matrices", ["matrix"])])
        store(recording, Kind.TOPICS, topics.dump())
        store(recording, Kind.SUBTITLES, write_srt(segments).encode() or b"\n")
        return recording

    return make


def text(response: Any) -> str:
    return str(response.content.decode())
