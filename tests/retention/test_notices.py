"""Owners are mailed in time, once, and only about what really leaves."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from recordings.holds import hold_owner, hold_recording
from recordings.models import Job, Recording
from retention import notices
from retention.models import Correspondent, Notice, NoticeSent, RetentionSwitch
from tests.retention.conftest import DAY, letters, run

pytestmark = pytest.mark.django_db

AGE = 180
DAILY = {"max_age_seconds": AGE * DAY, "crontab": "0 2 * * *", "name": "Half a year"}


@pytest.fixture
def owner(make_user):
    return make_user("olga", email="olga@example.org")


@pytest.fixture
def leaving_in(make_recording):
    """Make a recording that the policy of half a year finds in so many days."""

    def make(days: float, **values):
        recording = make_recording(files=0, **values)
        uploaded = timezone.now() - timedelta(days=AGE - days)
        Recording.objects.filter(pk=recording.pk).update(created_at=uploaded)
        return recording

    return make


@pytest.fixture
def tell(committed):
    """Send what is due to owners; returns how many were mailed."""
    return lambda: committed(notices.send_due)


def next_day() -> None:
    """Let the owners' turn come again, as it does on the next day."""
    Correspondent.objects.update(looked_on=timezone.localdate() - timedelta(days=1))
    letters()
    for sent in Notice.objects.all():  # their keys name the day
        sent.key = f"before {uuid4()}"
        sent.save()


def pass_days(days: int) -> None:
    """Let everything be so much older."""
    for recording in Recording.objects.all():
        recording.created_at -= timedelta(days=days)
        recording.save()
    for notice in NoticeSent.objects.all():
        notice.due_at -= timedelta(days=days)
        notice.leaves_at -= timedelta(days=days)
        notice.save()
    next_day()


def test_one_digest_names_all_that_leaves(tell, leaving_in, make_policy):
    make_policy(**DAILY)
    leaving_in(28, title="Algebra")
    leaving_in(5, title="Физика")
    leaving_in(40, title="Later")

    assert tell() == 1

    (letter,) = letters()
    assert letter.to == ["olga@example.org"]
    assert letter.subject == "2 recordings leave your library soon"
    assert letter.body.index("“Физика” to the trash") < letter.body.index("“Algebra”")
    assert "because of the policy “Half a year”" in letter.body
    assert "Later" not in letter.body


def test_owner_is_mailed_once_a_day(tell, leaving_in, make_policy):
    make_policy(**DAILY)
    leaving_in(5)
    tell()
    leaving_in(4)

    assert tell() == 0

    next_day()
    assert tell() == 1
    assert [letter.subject for letter in letters()] == ["1 recording leaves your library soon"] * 2


def test_each_horizon_is_told_once(tell, leaving_in, make_policy):
    make_policy(**DAILY)
    leaving_in(29)
    told = []

    for _ in range(32):
        told.append(tell())
        pass_days(1)

    assert sum(told) == 3
    assert sorted(NoticeSent.objects.values_list("horizon", flat=True)) == [1, 7, 30]


@pytest.mark.parametrize("days", [30.5, 100])
def test_nobody_is_told_too_early(tell, leaving_in, make_policy, days):
    make_policy(**DAILY)
    leaving_in(days)

    assert tell() == 0


@pytest.mark.parametrize(
    "keep",
    [
        lambda one: hold_recording(one.pk, reason="court", by="anna"),
        lambda one: hold_owner(one.owner_id, reason="court", by="anna"),
        lambda one: Recording.objects.update(keep=True),
        lambda one: Recording.objects.update(keep_until=timezone.now() + timedelta(days=90)),
        lambda one: Recording.objects.update(
            trashed_at=timezone.now(), purge_after=timezone.now() + timedelta(days=5)
        ),
    ],
    ids=["held", "owner held", "kept", "extended", "in the trash"],
)
def test_what_stays_is_not_told_of(tell, leaving_in, make_policy, keep):
    make_policy(**DAILY)
    keep(leaving_in(5))

    assert tell() == 0
    assert letters() == []


@pytest.mark.parametrize(
    "values",
    [
        {"accepted": False},
        {"enabled": False},
        {"action": "report"},
        {"crontab": ""},
        {"scope": {"owners": ["anna"]}},
    ],
    ids=["not accepted", "disabled", "reporting", "by hand", "for others"],
)
def test_policy_without_a_date_for_it_says_nothing(
    tell, leaving_in, make_policy, administrator, values
):
    make_policy(**{**DAILY, **values})
    leaving_in(5)

    assert tell() == 0


def test_policy_for_the_owner_speaks_to_him(tell, leaving_in, make_policy):
    make_policy(**DAILY, scope={"owners": ["olga"]})
    leaving_in(5)

    assert tell() == 1


def test_extension_that_ends_is_told_of(tell, leaving_in, make_policy):
    make_policy(**DAILY)
    leaving_in(-50)
    Recording.objects.update(keep_until=timezone.now() + timedelta(days=6))

    assert tell() == 1
    assert NoticeSent.objects.get().horizon == 7


def test_recording_at_work_is_told_of(tell, leaving_in, make_policy):
    make_policy(**DAILY)
    one = leaving_in(5)
    Job.objects.create(recording=one, owner_id=one.owner_id, state="queued", kind="process")

    assert tell() == 1


def test_nothing_is_told_while_all_is_paused(tell, leaving_in, make_policy):
    make_policy(**DAILY)
    leaving_in(5)
    RetentionSwitch.turn(on=False, by="anna")

    assert tell() == 0
    assert not Correspondent.objects.filter(looked_on__isnull=False).exists()


def test_who_has_no_address_or_wants_none_is_not_mailed(tell, leaving_in, make_policy, make_user):
    make_policy(**DAILY)
    leaving_in(5)
    leaving_in(5, of=make_user("boris"))
    Correspondent.objects.create(owner_id=make_user("vera", email="v@example.org").pk)
    Correspondent.objects.update_or_create(
        owner_id=Recording.objects.first().owner_id, defaults={"wants_mail": False}
    )

    assert tell() == 0


def test_policy_that_becomes_stricter_is_told_of_anew(tell, leaving_in, make_policy):
    policy = make_policy(**DAILY)
    leaving_in(28)
    tell()
    policy.max_age_seconds = (AGE - 10) * DAY
    policy.save()
    policy.accept(version=policy.version, by="anna")
    next_day()

    assert tell() == 1

    next_day()
    assert tell() == 0


@pytest.mark.parametrize(("days", "told"), [(5, 1), (-5, 0)], ids=["sooner", "later"])
def test_run_that_comes_sooner_than_promised_is_told_of_anew(
    tell, leaving_in, make_policy, days, told
):
    make_policy(**DAILY)
    leaving_in(20)
    tell()
    NoticeSent.objects.update(leaves_at=F("leaves_at") + timedelta(days=days))
    next_day()

    assert tell() == told


def test_item_that_waits_for_its_run_is_told_of_once(tell, leaving_in, make_policy):
    make_policy(**DAILY)
    leaving_in(-20)
    tell()
    for _ in range(3):
        next_day()
        assert tell() == 0


def test_soonest_policy_is_the_one_named(tell, leaving_in, make_policy):
    make_policy(**DAILY)
    make_policy(**{**DAILY, "name": "Sooner", "max_age_seconds": (AGE - 3) * DAY})
    leaving_in(10)

    tell()

    assert "“Sooner”" in letters()[0].body
    assert "Half a year" not in letters()[0].body


def test_long_list_is_cut_and_counted(tell, leaving_in, make_policy):
    make_policy(**DAILY)
    one = leaving_in(5)
    rest = [
        Recording(owner=one.owner, title=f"L{n}", state="ready", created_at=one.created_at)
        for n in range(notices.LISTED + 5)
    ]
    Recording.objects.bulk_create(rest)
    Recording.objects.update(created_at=timezone.now() - timedelta(days=AGE - 5))

    tell()

    assert letters()[0].subject == f"{notices.LISTED + 6} recordings leave your library soon"
    assert "and 6 more." in letters()[0].body


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_workers_mail_once(leaving_in, make_policy):
    make_policy(**DAILY)
    leaving_in(5)
    start = threading.Barrier(2)
    sent = []

    def work():
        start.wait()
        sent.append(notices.send_due())
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sorted(sent) == [0, 1]
    assert len(letters()) == 1


def test_old_notices_are_forgotten(tell, leaving_in, make_policy):
    make_policy(**DAILY)
    leaving_in(5)
    tell()
    NoticeSent.objects.update(sent_at=timezone.now() - timedelta(days=91))

    assert notices.forget() == 1


def test_administrators_get_the_summary_they_asked_for(
    committed, leaving_in, make_policy, administrator
):
    administrator.email = "anna@example.org"
    administrator.save()
    leaving_in(-1)
    committed(lambda: run(make_policy(**{**DAILY, "name": "Told", "notify_mail": True})))
    leaving_in(-1)
    committed(lambda: run(make_policy(**{**DAILY, "name": "Silent"})))

    (letter,) = letters()
    assert letter.to == ["anna@example.org"]
    assert letter.subject == "told: succeeded, 1 moved to the trash"


def test_administrators_are_told_of_a_run_that_waits_for_them(
    committed, leaving_in, make_policy, administrator
):
    administrator.email = "anna@example.org"
    administrator.save()
    for _ in range(2):
        leaving_in(-1)

    committed(lambda: run(make_policy(**DAILY, limit_items=1)))

    (letter,) = letters()
    assert letter.subject == "half-a-year: waits for approval, 0 moved to the trash"
    assert "its limit is 1" in letter.body


def test_webhook_is_told_what_a_run_did(committed, leaving_in, make_policy):
    leaving_in(-1)
    done = committed(lambda: run(make_policy(**DAILY, notify_webhook=True)))

    told = notices.payload(done)

    assert (told["policy"], told["state"], told["deleted"]) == ("half-a-year", "succeeded", 1)
    assert json.loads(json.dumps(told)) == told


def test_run_that_found_nothing_is_not_told_of(committed, make_policy, administrator):
    administrator.email = "anna@example.org"
    administrator.save()

    committed(lambda: run(make_policy(**DAILY, notify_mail=True)))

    assert letters() == []


def test_hundred_recordings_take_the_queries_of_one(
    tell, leaving_in, make_policy, owner, django_assert_max_num_queries
):
    make_policy(**DAILY)
    Recording.objects.bulk_create(
        Recording(owner=owner, title=f"L{n}", state="ready") for n in range(100)
    )
    Recording.objects.update(created_at=timezone.now() - timedelta(days=AGE - 5))

    with django_assert_max_num_queries(24):
        assert tell() == 1
