"""The recording a new site shows: drawn, voiced, uploaded and processed like any other."""

from __future__ import annotations

import json

import pytest

from recordings import demo, trash
from recordings.demo import lecture
from recordings.ledger.purge import purge
from recordings.models import Recording
from recordings.processing.captions import parse
from tests.conftest import assert_clean
from tests.recordings.scenes import files, newest, processed, read, ship_rules

MOST_BYTES = 250_000


@pytest.mark.media
@pytest.mark.django_db(transaction=True)
def test_demo_recording_is_made_once_and_is_worth_watching(owner):
    ship_rules()
    demo.ensure(owner)
    demo.ensure(owner)
    recording = Recording.objects.get(owner=owner)
    assert newest(recording).state == "queued"

    assert processed(recording) == "succeeded"

    said = parse(read(recording, "subtitles"))
    spoken = [sentence for slide in lecture.SLIDES for sentence in slide.said]
    assert [one.text for one in said] == spoken
    assert len(json.loads(read(recording, "topics"))["topics"]) > 1
    assert said[0].start < 1
    assert recording.duration < lecture.Script.load().duration - 4
    assert (recording.width, recording.height, recording.warning) == (1280, 720, "")
    assert recording.files.get(kind="original").leaves_at
    assert "poster" in files(recording)
    assert_clean()


@pytest.mark.media
@pytest.mark.django_db(transaction=True)
def test_deleted_demo_recording_does_not_come_back(owner):
    demo.ensure(owner)
    trash.erase(Recording.objects.values_list("pk", flat=True), by="olga")
    purge()

    demo.ensure(owner)

    assert not Recording.objects.exists()


@pytest.mark.django_db
def test_user_with_recordings_gets_none(owner):
    Recording.objects.create(owner=owner, title="My own")

    demo.ensure(owner)

    assert Recording.objects.count() == 1


def test_committed_voice_says_what_the_slides_need():
    script = lecture.Script.load()

    assert [one.text for one in script.said] == [
        sentence for slide in lecture.SLIDES for sentence in slide.said
    ]
    assert lecture.VOICE.stat().st_size < MOST_BYTES
    assert sum(script.slide_lengths()) == pytest.approx(script.duration)
