"""The sound of a session: extracted, shown as a waveform, made once, given up in words."""

from __future__ import annotations

import os
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.core.cache import cache
from django.db.models.functions import Now

from recordings import tasks, transfer, trash
from recordings.editing import sessions, sound, waveform
from recordings.ledger.models import Account
from recordings.ledger.names import Kind
from recordings.models import Recording, RecordingFile
from recordings.processing import watchdog
from recordings.processing.scratch import items
from tests.conftest import assert_clean, store

pytestmark = [pytest.mark.media, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def empty_cache():
    cache.clear()


@pytest.fixture
def opened(filmed):
    return sessions.begin(filmed.pk)


def test_waveform_shows_where_the_sound_is(api, opened):
    assert sound.carry_out(opened.pk) == "ready"

    body = api.get(f"/api/sessions/{opened.pk}").json()
    assert body["waveform"] == "ready"
    assert body["audio_url"].endswith(f"/sessions/{opened.pk}/temp_audio_{opened.pk}.wav")
    wav = b"".join(api.get(body["audio_url"]).streaming_content)
    assert wav[:4] == b"RIFF"
    assert len(wav) == pytest.approx(8000 * 2 * 4, rel=0.02)
    shape = api.get(f"/api/sessions/{opened.pk}/waveform").json()
    assert (round(shape["duration"], 1), shape["per_second"]) == (4.0, 50)
    assert len(shape["peaks"]) == pytest.approx(200, abs=2)
    assert max(shape["peaks"][:45]) < 5 < 20 < min(shape["peaks"][60:140])
    assert max(shape["peaks"][160:]) < 5
    assert list(items()) == []
    assert_clean()


def test_waveform_comes_from_storage_where_the_cache_lost_it(api, opened):
    sound.carry_out(opened.pk)
    path = f"/api/sessions/{opened.pk}/waveform"
    first = api.get(path)
    cache.clear()

    assert api.get(path).content == first.content
    assert api.get(path, headers={"If-None-Match": first["ETag"]}).status_code == 304


def test_waveform_that_is_not_there_yet_is_refused_in_a_sentence(api, opened):
    answer = api.get(f"/api/sessions/{opened.pk}/waveform")

    assert (answer.status_code, answer.json()["code"]) == (409, "no_waveform")


def test_sound_is_extracted_once(opened):
    assert [sound.carry_out(opened.pk) for _ in range(3)] == ["ready", "not ours", "not ours"]
    assert RecordingFile.objects.filter(kind=Kind.SESSION_AUDIO).count() == 1


def test_tick_rings_for_a_session_that_was_forgotten(opened):
    assert sound.waiting() == [opened.pk]
    sound.carry_out(opened.pk)
    assert sound.waiting() == []


def test_session_nobody_uses_is_not_rung_for(opened):
    type(opened).objects.update(created_at=Now() - timedelta(hours=2))

    assert sound.waiting() == []


def test_claim_of_a_dead_worker_is_taken_back(opened):
    sound.claim(opened.pk)
    type(opened).objects.update(claimed_by=sound.leases.holder() + "0")

    assert sound.recover() == 1
    assert sound.carry_out(opened.pk) == "ready"


def test_mute_recording_has_no_waveform(api, filmed, clip):
    filmed.files.get(kind=Kind.TRIMMED).delete()
    store(filmed, Kind.TRIMMED, clip("without_sound").read_bytes())
    session = sessions.begin(filmed.pk)

    assert sound.carry_out(session.pk) == "failed"

    body = api.get(f"/api/sessions/{session.pk}").json()
    assert (body["waveform"], body["audio_error"]) == ("none", sound.NO_SOUND)


def test_owner_without_room_edits_without_a_waveform(api, opened, owner):
    account = Account.objects.of(owner.pk)
    Account.objects.filter(pk=account.pk).update(
        uses_default_limit=False, own_limit=account.used + 10
    )

    assert sound.carry_out(opened.pk) == "failed"

    body = api.get(f"/api/sessions/{opened.pk}").json()
    assert body["waveform"] == "failed"
    assert "in use" in body["audio_error"]
    assert_clean()


def test_sound_given_up_for_want_of_room_is_made_when_asked_for_again(api, opened, owner):
    account = Account.objects.filter(pk=Account.objects.of(owner.pk).pk)
    account.update(uses_default_limit=False, own_limit=1)
    sound.carry_out(opened.pk)
    account.update(uses_default_limit=False, own_limit=None)

    answer = api.post(f"/api/sessions/{opened.pk}/waveform")

    assert (answer.status_code, answer.json()["waveform"]) == (202, "making")
    assert answer.json()["audio_error"] == ""
    assert sound.waiting() == [opened.pk]
    assert sound.carry_out(opened.pk) == "ready"
    assert api.post(f"/api/sessions/{opened.pk}/waveform").json()["waveform"] == "ready"
    assert_clean()


def test_mute_recording_is_not_listened_to_again(api, opened):
    type(opened).objects.update(audio_error=sound.NO_SOUND)

    answer = api.post(f"/api/sessions/{opened.pk}/waveform")

    assert (answer.status_code, answer.json()["code"]) == (409, "no_waveform")
    assert sound.waiting() == []


def test_sound_goes_with_its_session(api, opened, stored_names):
    sound.carry_out(opened.pk)

    assert api.delete(f"/api/sessions/{opened.pk}").status_code == 204

    tasks.purge()
    assert not any("temp_audio" in name for name in stored_names())
    assert_clean()


def test_sound_of_a_recording_that_went_to_the_trash_leaves_nothing(opened, filmed, stored_names):
    claimed = sound.claim(opened.pk)
    trash.move_to_trash([filmed.pk], by="olga")
    with pytest.raises(sound.Lost):
        sound.prepare(claimed)

    tasks.purge()
    assert not any("temp_audio" in name for name in stored_names())
    assert_clean()


def test_sound_made_while_the_recording_was_given_away_is_made_again(opened, filmed, make_user):
    claimed = sound.claim(opened.pk)
    transfer.transfer([filmed.pk], to=make_user("boris"), by="root")
    with pytest.raises(sound.Lost):
        sound.prepare(claimed)
    sound._change(claimed, lease_until=None)

    assert sound.carry_out(opened.pk) == "ready"
    assert_clean()


def test_worker_that_stops_leaves_the_sound_to_another(opened):
    claimed = sound.claim(opened.pk)
    watchdog.shutting_down.set()
    try:
        with pytest.raises(sound.Cancelled):
            sound.prepare(claimed)
    finally:
        watchdog.shutting_down.clear()

    assert list(items()) == []
    assert_clean()


@pytest.mark.parametrize("cut", [1, 7, 1000, 4096, 10**6])
def test_waveform_is_the_same_however_the_bytes_come(cut):
    data = b"RIFF" + bytes(32) + b"data" + bytes(4) + os.urandom(40_001)
    source = BytesIO(data)
    chunks = iter(lambda: source.read(cut), b"")

    assert waveform.compute(chunks, size=len(data)) == waveform.compute([data], size=len(data))


def test_waveform_of_many_hours_stays_small():
    minute = bytes(8000 * 2 * 60)

    def sound_of(hours: int) -> Any:
        yield b"RIFF" + bytes(32) + b"data" + bytes(4)
        for _ in range(hours * 60):
            yield minute

    found = waveform.compute(sound_of(3), size=44 + 3 * 3600 * 16000)

    assert len(found) < 250_000


def test_session_of_a_recording_that_waits_is_not_due(opened):
    Recording.objects.update(state=Recording.State.QUEUED)

    assert sound.carry_out(opened.pk) == "not ours"
