"""Owners hear of what a policy without a date would take now, once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from recordings.holds import hold_recording
from recordings.ledger.models import Lease
from recordings.models import Recording
from retention import foretelling, schedule
from retention.models import Correspondent, NoticeSent, RetentionSwitch
from tests.retention.conftest import DAY, ago, letters, run

pytestmark = pytest.mark.django_db

NEWEST = {"name": "Newest", "max_age_seconds": None, "keep_newest": 1, "crontab": "0 2 * * *"}


@pytest.fixture
def owner(make_user):
    return make_user("olga", email="olga@example.org")


@pytest.fixture
def make_three(make_recording):
    """Make recordings of today, of yesterday, and of the day before."""
    return [
        make_recording(files=1, title=title, created_at=ago(days=days))
        for days, title in enumerate(("Newest", "Second", "Third"))
    ]


@pytest.fixture
def tell(committed):
    return lambda: committed(foretelling.foretell_due)


def next_day() -> None:
    Lease.objects.update(lease_until=timezone.now() - timedelta(seconds=1))


def test_owner_is_told_what_the_next_run_may_take_and_why(tell, make_three, make_policy):
    policy = make_policy(**NEWEST)

    assert tell() == 1

    (letter,) = letters()
    assert letter.to == ["olga@example.org"]
    assert letter.subject == "2 recordings may leave your library soon"
    assert "may be removed at the next run on" in letter.body
    assert "because the policy “Newest” (" in letter.body
    assert "the newest 1" in letter.body
    assert "“Second” to the trash" in letter.body
    assert "“Third” to the trash" in letter.body
    assert "“Newest” to the trash" not in letter.body
    promised = set(NoticeSent.objects.values_list("leaves_at", flat=True))
    assert promised == {schedule.first_run(policy, timezone.now())}
    taken = run(policy).items.filter(outcome="trashed")
    assert set(taken.values_list("recording_id", flat=True)) == set(
        NoticeSent.objects.values_list("recording_id", flat=True)
    )


def test_each_recording_is_told_of_once(tell, make_three, make_policy, make_recording):
    make_policy(**NEWEST)
    tell()

    assert tell() == 0
    next_day()
    assert tell() == 0

    make_recording(files=1, title="Latest")
    next_day()
    assert tell() == 1
    assert letters()[-1].subject == "1 recording may leave your library soon"
    assert "“Newest” to the trash" in letters()[-1].body


def test_total_size_is_told_of_too(tell, make_three, make_policy):
    make_policy(name="Cap", max_age_seconds=None, max_total_bytes=1500, every_seconds=3600)

    assert tell() == 1
    assert "until they fit into" in letters()[0].body


def test_held_and_kept_ones_are_not_named(tell, make_three, make_policy):
    make_policy(**NEWEST)
    hold_recording(make_three[1].pk, reason="Court case", by="anna")
    Recording.objects.filter(pk=make_three[2].pk).update(keep=True)

    assert tell() == 0
    assert letters() == []


@pytest.mark.parametrize(
    "values",
    [
        {"crontab": ""},
        {"accepted": False},
        {"action": "report"},
        {"max_age_seconds": 10 * DAY, "keep_newest": None},
        {"crontab": "0 2 1 1 *"},
    ],
    ids=["by hand", "not accepted", "reports", "by age alone", "in a year"],
)
def test_policy_that_takes_nothing_soon_or_has_a_date_tells_nothing_here(
    tell, make_three, make_policy, values
):
    if values.get("crontab", "").endswith("1 1 *"):
        month = (timezone.now() + timedelta(days=120)).month
        values = {"crontab": f"0 2 1 {month} *"}
    make_policy(**{**NEWEST, **values})

    assert tell() == 0


def test_nobody_is_told_while_paused_and_none_who_wants_no_mail(
    tell, owner, make_three, make_policy
):
    make_policy(**NEWEST)
    RetentionSwitch.turn(on=False, by="anna")
    assert tell() == 0

    RetentionSwitch.turn(on=True, by="anna")
    Correspondent.objects.create(owner_id=owner.pk, wants_mail=False)
    assert tell() == 0
    assert not NoticeSent.objects.exists()
