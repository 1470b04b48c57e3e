"""What leaves an owner soon, all in one list: recordings, final videos, unfinished uploads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from recordings.holds import hold_recording
from recordings.ledger.names import Kind
from recordings.models import Recording, RecordingFile
from recordings.trash import move_to_trash
from retention import departures, leaving, notices
from retention.clock import database_now
from retention.departures import AHEAD, Departure
from retention.explain import explain
from retention.models import RetentionPolicy, RetentionSwitch
from tests.conftest import store
from tests.recordings import resuming as scene
from tests.retention.conftest import DAY, ago, letters, make_old

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def none_shipped(db: None) -> None:
    """Begin without the policies that a new site has; `shipped` brings them."""
    RetentionPolicy.objects.all().delete()


@pytest.fixture
def final(recording: Recording) -> RecordingFile:
    return store(recording, Kind.FINAL, bytes(1000), session_id=7)


@pytest.fixture
def listed(owner: Any) -> Callable[[], list[Departure]]:
    return lambda: departures.first_of(owner.pk, at=database_now(), most=20)


@pytest.fixture
def account_page(client: Client, owner: Any) -> Callable[[], str]:
    client.force_login(owner)
    return lambda: client.get("/account").content.decode()


def test_unfinished_upload_is_listed_as_it_is_explained(owner, shipped, listed, account_page):
    upload = scene.half(owner)
    explained = explain(Recording.objects.get(pk=upload.recording_id))

    (one,) = listed()

    assert (one.recording_id, one.leaves_at) == (upload.recording_id, explained.leaves_at)
    assert one.what == "unfinished upload"
    assert one.why == "Abandoned uploads (for ever)"
    page = account_page()
    assert "unfinished upload" in page
    assert "Abandoned uploads (for ever)" in page
    assert f'href="/recordings/{upload.recording_id}"' in page


def test_upload_in_the_trash_has_left_already(owner, listed):
    upload = scene.half(owner)
    Recording.objects.filter(pk=upload.recording_id).update(trashed_at=Now(), purge_after=Now())

    assert listed() == []


def test_upload_that_no_policy_takes_is_listed_too(owner, listed):
    scene.half(owner)

    assert [one.why for one in listed()] == ["nothing more came of it (for ever)"]


def test_final_video_is_listed_with_the_date_of_its_page(final, shipped, listed, account_page):
    final.refresh_from_db()

    (one,) = listed()

    assert one.recording_id == final.recording_id
    assert one.leaves_at == final.created_at + timedelta(days=1)
    assert one.what == "final video"
    assert one.why == "Rendered videos after their day (for ever)"
    assert "Rendered videos after their day (for ever)" in account_page()


@pytest.mark.parametrize("obstacle", ["hold", "keep", "extension", "trash", "no policy", "pause"])
def test_final_video_that_something_keeps_is_not(final, shipped, listed, obstacle):
    recording = final.recording
    if obstacle == "hold":
        hold_recording(recording.pk, reason="case", by="anna")
    elif obstacle == "keep":
        Recording.objects.update(keep=True)
    elif obstacle == "extension":
        Recording.objects.update(keep_until=timezone.now() + timedelta(days=2))
    elif obstacle == "trash":
        move_to_trash([recording.pk], by="olga")
    elif obstacle == "no policy":
        RetentionPolicy.objects.filter(slug="finals").update(enabled=False)
    else:
        RetentionSwitch.turn(on=False, by="anna")

    assert listed() == []


def test_page_of_a_recording_tells_no_date_while_policies_are_paused(client, owner, final, shipped):
    client.force_login(owner)
    address = f"/recordings/{final.recording_id}"
    assert "leaves in" in client.get(address).content.decode()

    RetentionSwitch.turn(on=False, by="anna")

    assert "leaves in" not in client.get(address).content.decode()


def test_final_video_whose_day_is_over_leaves_now(owner, final, shipped):
    RecordingFile.objects.filter(pk=final.pk).update(created_at=Now() - timedelta(hours=25))
    at = database_now()

    assert [one.leaves_at for one in departures.first_of(owner.pk, at=at, most=9)] == [at]


def test_all_come_by_date_and_no_more_than_asked_for(owner, final, shipped, make_policy, listed):
    make_policy(name="Month", max_age_seconds=30 * DAY, crontab="0 2 * * *")
    Recording.objects.filter(pk=final.recording_id).update(created_at=ago(days=25))
    scene.half(owner)
    RecordingFile.objects.filter(pk=final.pk).update(created_at=Now() - timedelta(hours=2))

    assert [one.what for one in listed()] == ["final video", "unfinished upload", ""]
    assert [one.why for one in listed()][2] == "Month (to the trash)"
    first = departures.first_of(owner.pk, at=database_now(), most=1)
    assert [one.what for one in first] == ["final video"]


def test_what_is_anothers_is_not_listed(owner, final, shipped, make_user):
    scene.half(owner)

    assert departures.first_of(make_user("boris").pk, at=database_now(), most=20) == []


def test_archived_recording_goes_to_the_archive(recording, make_policy, listed, archive):
    make_old(recording)
    make_policy(name="Year", crontab="0 2 * * *", action="archive")

    assert [one.why for one in listed()] == ["Year (to the archive)"]


def test_policy_of_recordings_does_not_speak_of_an_upload(owner, make_policy, listed):
    make_policy(name="At once", max_age_seconds=0, every_seconds=3600)
    scene.half(owner)
    Recording.objects.update(created_at=ago(days=1))
    owner.email = "olga@example.org"
    owner.save()

    assert [one.what for one in listed()] == ["unfinished upload"]
    notices.send_due()
    assert letters() == []


def test_card_of_an_upload_says_when_it_goes(client, owner, shipped):
    upload = scene.half(owner)
    client.force_login(owner)

    assert "Leaves on" in client.get("/").content.decode()
    found = departures.dates([Recording.objects.get()], database_now())
    upload.refresh_from_db()
    assert found == {upload.recording_id: upload.expires_at}


def test_many_uploads_take_no_more_queries(owner, shipped, django_assert_num_queries):
    scene.half(owner)
    at = database_now()
    with CaptureQueriesContext(connection) as few:
        departures.first_of(owner.pk, at=at, most=20)
    for _number in range(4):
        scene.begin(owner)

    with django_assert_num_queries(len(few)):
        assert len(departures.first_of(owner.pk, at=at, most=20)) == 5
    assert leaving.first_of(owner.pk, at=at, most=20) == []


def test_upload_that_may_rest_for_longer_is_not_listed_yet(owner, listed, settings):
    settings.UPLOAD_PERIOD = AHEAD + timedelta(days=1)
    scene.half(owner)

    assert listed() == []


def test_uploads_without_a_date_hide_none_with_one(owner):
    for number in range(3):
        Recording.objects.create(owner=owner, title=f"By its connection {number}")
    upload = scene.half(owner)

    (one,) = departures.first_of(owner.pk, at=database_now(), most=2)

    assert one.recording_id == upload.recording_id


def test_account_page_says_that_policies_are_paused_instead_of_that_none_removes(account_page):
    assert "No policy removes anything of yours in this time." in account_page()

    RetentionSwitch.turn(on=False, by="anna")

    assert "All scheduled policies are paused. Until policies run again, no date" in account_page()
    assert "No policy removes" not in account_page()
