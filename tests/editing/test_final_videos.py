"""Final videos: how long they stay is told beforehand, in the page and in the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.utils.dateparse import parse_datetime

from recordings.editing import cleaning, sessions
from recordings.ledger.names import Kind
from recordings.ledger.release import place_hold
from recordings.models import EditingSession, Recording, RecordingFile
from recordings.processing.captions import Segment
from recordings.processing.documents import Transcript
from retention.models import RetentionPolicy
from tests.conftest import store
from tests.retention.conftest import DAY, make_policy, run  # noqa: F401  (a fixture among them)

pytestmark = pytest.mark.django_db(transaction=True)

HEARD = [Segment(0.0, 1.0, "as heard")]


@pytest.fixture
def final(captioned: Recording) -> RecordingFile:
    """What session 7 was rendered into."""
    return store(captioned, Kind.FINAL, bytes(1000), session_id=7)


@pytest.fixture
def policy(make_policy: Callable[..., RetentionPolicy]) -> RetentionPolicy:  # noqa: F811
    return make_policy("finals", max_age_seconds=DAY)


@pytest.fixture
def page(client: Client, owner: Any, captioned: Recording) -> Callable[[], str]:
    client.force_login(owner)
    return lambda: client.get(f"/recordings/{captioned.pk}").content.decode()


def told(api: Client, final: RecordingFile) -> str | None:
    files = api.get(f"/api/recordings/{final.recording_id}").json()["files"]
    found: str | None = next(one for one in files if one["kind"] == "final")["leaves_at"]
    return found


def test_time_a_final_video_has_left_is_told(api, page, final, policy):
    final.refresh_from_db()

    assert parse_datetime(told(api, final)) == final.created_at + timedelta(days=1)
    assert "leaves in 23\xa0hours" in page()
    assert f"{final.url}?download=1" in page()


def test_final_video_of_a_held_recording_has_no_date(api, page, final, policy, owner):
    place_hold(reason="court", by="anna", owner_id=owner.pk)

    assert told(api, final) is None
    assert "leaves in" not in page()
    assert f"{final.url}?download=1" in page()


def test_page_shows_what_a_person_made_of_the_captions(page, session, captioned):
    store(captioned, Kind.TRANSCRIPT, Transcript("ru", "machine", segments=HEARD).dump())
    assert "as heard" in page()

    corrected = [{"start": 0.0, "end": 1.0, "text": "as corrected"}]
    sessions.save(session.pk, sessions.Change(captions=corrected), revision=1)
    EditingSession.objects.update(used_until=None)
    cleaning.clean_session(session.pk, by="anna")

    assert "as corrected" in page()
    assert "as heard" not in page()


def test_without_a_policy_a_final_video_stays(api, page, final):
    assert told(api, final) is None
    assert "leaves in" not in page()


def test_final_video_goes_after_its_day_and_not_before(final, policy):
    assert run(policy).deleted == 0

    RecordingFile.objects.filter(pk=final.pk).update(created_at=Now() - timedelta(hours=25))

    assert run(policy).deleted == 1


def test_session_says_when_it_goes(api, session, make_policy):  # noqa: F811
    assert api.get(f"/api/sessions/{session.pk}").json()["expires_at"] is None

    make_policy("sessions", max_age_seconds=DAY)

    body = api.get(f"/api/sessions/{session.pk}").json()
    gone = parse_datetime(body["expires_at"])
    assert gone == parse_datetime(body["touched_at"]) + timedelta(days=1)
