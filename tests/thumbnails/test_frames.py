"""Frames of a video: one at a time, kept for a while and no longer than the recording."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from time import time
from typing import Any

import pytest
from django.test import Client

from recordings import trash
from recordings.ledger.exceptions import StorageFault
from recordings.ledger.names import Kind
from recordings.models import Recording
from recordings.processing import ffmpeg
from recordings.tasks import tick
from tests.conftest import store
from tests.processing import clips
from tests.thumbnails.conftest import limit, opened
from thumbnails import frames
from thumbnails.exceptions import Busy

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.media]


@pytest.fixture
def film(owner: Any, tmp_path: Path, anywhere: str) -> Recording:
    """A recording with a video of four seconds."""
    recording = Recording.objects.create(
        owner=owner, title="A", state="ready", duration=4.0, width=320, height=240
    )
    store(recording, Kind.TRIMMED, clips.video(tmp_path).read_bytes())
    return recording


@pytest.fixture
def browser(owner: Any, client: Client) -> Client:
    client.force_login(owner)
    return client


def made(settings: Any) -> list[str]:
    return sorted(os.listdir(settings.CACHES["thumbnails"]["LOCATION"]))


def look(browser: Client, film: Recording, second: str = "1") -> Any:
    return browser.get(f"/recordings/{film.pk}/thumbnail/frame?t={second}")


def test_frame_is_taken_once_for_a_tenth_of_a_second(
    browser: Client, film: Recording, settings: Any
) -> None:
    first, second = look(browser, film, "1.01"), look(browser, film, "1.09")

    assert opened(first.content).size[0] > 0
    assert first.content == second.content
    (entry,) = made(settings)
    assert entry.startswith(f"recording-{film.pk}.")


def test_frame_goes_with_its_recording(browser: Client, film: Recording, settings: Any) -> None:
    look(browser, film)

    trash.erase([film.pk], by="olga")
    tick()

    assert made(settings) == []


def test_frame_is_kept_for_a_while_only(
    browser: Client, film: Recording, settings: Any, time_machine: Any
) -> None:
    look(browser, film)

    time_machine.move_to(time() + frames.KEPT + 1)
    tick()

    assert made(settings) == []


def test_frames_are_taken_one_at_a_time(
    browser: Client, film: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "WAIT", 0.1)
    with frames._turn:
        answer = look(browser, film)

    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert look(browser, film).status_code == 200


def test_ffmpeg_that_was_stopped_is_the_sites_fault(
    browser: Client, film: Recording, settings: Any, tmp_path: Path
) -> None:
    stopped = tmp_path / "ffmpeg"
    stopped.write_text("#!/bin/sh\nkill -9 $$\n")
    stopped.chmod(0o755)
    settings.FFMPEG_BINARY = stopped
    ffmpeg.binary.cache_clear()
    try:
        answer = look(browser, film)
    finally:
        ffmpeg.binary.cache_clear()

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def test_film_that_is_none_is_refused(browser: Client, owner: Any) -> None:
    recording = Recording.objects.create(
        owner=owner, title="A", state="ready", duration=4.0, width=320, height=240
    )
    store(recording, Kind.TRIMMED, b"no film")

    assert look(browser, recording).status_code == 422


def test_no_descriptor_left_for_a_frame_is_said(film: Recording) -> None:
    free = os.dup(0)
    os.close(free)

    with limit(resource.RLIMIT_NOFILE, free), pytest.raises((Busy, StorageFault)):
        frames.frame(film, 1.0)

    assert frames.frame(film, 1.0)
