"""When unfinished uploads go, as their owners are told, and that they do go then."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models.functions import Now
from django.utils.dateparse import parse_datetime

from recordings.holds import hold_recording
from recordings.models import Recording, ResumableUpload
from recordings.uploads import receiving, resumable
from recordings.uploads.writing import Turn
from retention import departures
from retention.clock import database_now
from retention.explain import Explanation, explain
from retention.models import RetentionPolicy, RetentionSwitch
from tests.api.conftest import api  # noqa: F401  (a fixture)
from tests.recordings import resuming as scene
from tests.retention.conftest import DAY, run

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., RetentionPolicy]


@pytest.fixture(autouse=True)
def none_shipped(db: None) -> None:
    """Begin without the policies that a new site has; `shipped` brings them."""
    RetentionPolicy.objects.all().delete()


@pytest.fixture
def upload(owner: Any) -> ResumableUpload:
    """One that half has come of."""
    return scene.half(owner)


def told(upload: ResumableUpload, *, at: datetime | None = None) -> Explanation:
    return explain(Recording.objects.get(pk=upload.recording_id), at=at)


def expiry(upload: ResumableUpload) -> datetime:
    upload.refresh_from_db()
    return upload.expires_at


def test_upload_goes_when_its_time_is_over_by_the_policy_in_force(upload, make_policy):
    make_policy("uploads", name="Abandoned uploads", crontab="0 */6 * * *")

    found = told(upload)

    assert (found.leaves_at, found.policy, found.action) == (
        expiry(upload), "abandoned-uploads", "delete",
    )  # fmt: skip
    assert found.blocked_by == ()
    assert found.sentence.startswith("It is still being uploaded. If nothing more comes of it")
    assert "the policy “Abandoned uploads” (unfinished uploads idle for 1 day)" in found.sentence


@pytest.mark.parametrize("values", [{"accepted": False}, {"enabled": False}, {"action": "report"}])
def test_upload_goes_by_itself_where_no_policy_acts(upload, make_policy, values):
    make_policy("uploads", crontab="0 */6 * * *", **values)

    found = told(upload)

    assert (found.leaves_at, found.policy, found.action) == (expiry(upload), None, "delete")
    assert "If nothing more comes of it" in found.sentence
    assert "policy" not in found.sentence


def test_page_api_and_command_say_the_same(client, api, owner, upload, shipped):  # noqa: F811
    client.force_login(owner)
    found = told(upload)
    out = StringIO()

    call_command("explain", upload.recording_id, "--json", stdout=out)
    printed = json.loads(out.getvalue())
    answered = api.get(f"/api/recordings/{upload.recording_id}/explain").json()
    page = client.get(f"/recordings/{upload.recording_id}").content.decode()

    assert found.policy == "uploads"
    assert answered == printed
    assert parse_datetime(answered["leaves_at"]) == found.leaves_at
    assert answered["sentence"] == found.sentence
    assert found.sentence in page
    assert set(answered) == {"leaves_at", "policy", "action", "blocked_by", "sentence"}


def test_upload_goes_at_the_moment_that_was_told(upload, shipped, account):
    leaves_at = told(upload).leaves_at
    ResumableUpload.objects.update(expires_at=Now())

    assert leaves_at is not None
    assert leaves_at <= database_now() + resumable.period()
    assert receiving.recover() == 1
    scene.assert_gone(account)


def test_policy_that_comes_sooner_gives_the_date(upload, make_policy, owner):
    make_policy(
        "uploads", name="Olga's", max_age_seconds=3600, every_seconds=60,
        scope={"owners": [owner.username]},
    )  # fmt: skip

    found = told(upload)

    assert found.policy == "olgas"
    assert upload.touched_at + timedelta(hours=1) <= found.leaves_at
    assert found.leaves_at < upload.touched_at + timedelta(hours=1, minutes=2)


def test_policy_for_others_does_not(upload, make_policy, make_user):
    make_policy(
        "uploads", max_age_seconds=3600, every_seconds=60,
        scope={"owners": [make_user("boris").username]},
    )  # fmt: skip

    assert told(upload).policy is None
    assert told(upload).leaves_at == expiry(upload)


def test_policies_of_recordings_wait_until_it_is_one(upload, make_policy):
    make_policy(max_age_seconds=0, every_seconds=60)

    found = told(upload)

    assert (found.leaves_at, found.policy) == (expiry(upload), None)


def test_policy_that_would_come_later_is_not_named(upload, make_policy):
    make_policy("uploads", max_age_seconds=9 * DAY, crontab="0 2 * * *")

    assert (told(upload).leaves_at, told(upload).policy) == (expiry(upload), None)


def test_paused_policies_do_not_lengthen_the_time_of_an_upload(upload, shipped, account):
    RetentionSwitch.turn(on=False, by="anna")

    assert told(upload).leaves_at == expiry(upload)

    ResumableUpload.objects.update(expires_at=Now())
    assert receiving.recover() == 1


def test_paused_policy_that_would_come_sooner_is_not_named(upload, make_policy, owner):
    make_policy(
        "uploads", max_age_seconds=3600, every_seconds=60, scope={"owners": [owner.username]}
    )
    RetentionSwitch.turn(on=False, by="anna")

    assert (told(upload).leaves_at, told(upload).policy) == (expiry(upload), None)


def test_policy_for_some_that_runs_too_late_is_not_named(upload, make_policy, owner):
    make_policy(
        "uploads", max_age_seconds=3600, every_seconds=9 * DAY, scope={"owners": [owner.username]}
    )

    assert (told(upload).leaves_at, told(upload).policy) == (expiry(upload), None)


def test_hold_keeps_no_upload(upload, shipped, account):
    hold_recording(upload.recording_id, reason="court case", by="anna")

    found = told(upload)

    assert (found.leaves_at, found.policy) == (expiry(upload), None)
    ResumableUpload.objects.update(expires_at=Now())
    assert receiving.recover() == 1


def test_upload_whose_time_is_over_goes_now(upload, shipped):
    ResumableUpload.objects.update(expires_at=Now() - timedelta(minutes=1))
    at = database_now()

    assert told(upload, at=at).leaves_at == at


def test_upload_that_cannot_be_resumed_has_no_date(owner, shipped):
    coming = Recording.objects.create(owner=owner, title="Lecture")

    found = explain(coming)

    assert (found.leaves_at, found.policy, found.action) == (None, None, None)
    assert found.blocked_by == ("It is still being uploaded.",)
    assert (
        found.sentence == "It is still being uploaded. If that breaks off, nothing of it is kept."
    )


def test_what_was_told_of_an_upload_is_what_the_policy_does(upload, make_policy):
    policy = make_policy("uploads", max_age_seconds=3600, every_seconds=60)
    Recording.objects.update(created_at=Now() - timedelta(hours=2))
    ResumableUpload.objects.update(touched_at=Now() - timedelta(hours=2))
    at = database_now()

    assert told(upload, at=at).leaves_at <= at + timedelta(minutes=1)
    assert run(policy).deleted == 1


def test_finished_upload_is_a_recording_like_any(owner, make_policy):
    upload = scene.send(scene.begin(owner), scene.CONTENT)
    make_policy("uploads", every_seconds=60)
    make_policy(max_age_seconds=DAY, crontab="0 2 * * *")

    assert told(upload).policy == "old-recordings"


def test_upload_of_which_all_has_come_is_not_said_to_go(owner, shipped):
    upload = scene.begin(owner)
    with resumable.claimed(upload) as mine, Turn(mine) as turn:
        turn.write(scene.CONTENT)
        turn.save()  # and the process dies before it is a recording

    found = told(upload)

    assert (found.leaves_at, found.policy) == (None, None)
    assert found.sentence == "All of it has come in; it is a recording as soon as it is stored."
    assert departures.first_of(owner.pk, at=database_now(), most=20) == []
    ResumableUpload.objects.update(expires_at=Now())
    receiving.recover()
    scene.assert_arrived(upload)
