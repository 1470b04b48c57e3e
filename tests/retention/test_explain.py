"""What becomes of a recording, as its owner is told."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.template import Context, Template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recordings.holds import hold_recording
from recordings.ledger.models import Clock
from recordings.models import Job, Recording
from recordings.trash import move_to_trash
from retention import leaving
from retention.clock import database_now
from retention.explain import explain
from retention.models import RetentionSwitch
from tests.retention.conftest import DAY, ago, make_old, run

pytestmark = pytest.mark.django_db(transaction=True)


def test_soonest_policy_wins(recording, make_policy):
    make_policy(name="Year", max_age_seconds=365 * DAY, crontab="0 2 * * *")
    make_policy(name="Month", max_age_seconds=30 * DAY, crontab="0 2 * * *", action="delete")

    found = explain(recording)

    assert (found.policy, found.action, found.blocked_by) == ("month", "delete", ())
    due = recording.created_at + timedelta(days=30)
    assert due <= found.leaves_at < due + timedelta(days=1)
    assert (found.leaves_at.hour, found.leaves_at.minute) == (2, 0)
    assert "deleted for ever on" in found.sentence
    assert "Month" in found.sentence


def test_no_policy_no_date(recording):
    found = explain(recording)

    assert (found.leaves_at, found.policy, found.action) == (None, None, None)
    assert found.sentence == "No policy removes this recording."


@pytest.mark.parametrize(
    "values",
    [
        {"accepted": False},
        {"enabled": False},
        {"action": "report"},
        {"scope": {"owners": ["anna"]}},
    ],
    ids=["not accepted", "disabled", "only reporting", "for others"],
)
def test_policy_that_will_not_act_is_not_named(recording, make_policy, administrator, values):
    make_policy(crontab="0 2 * * *", **values)

    assert explain(recording).policy is None


def test_hold_leaves_no_date_and_says_why(recording, make_policy):
    make_old(recording)
    make_policy(crontab="0 2 * * *")
    hold_recording(recording.pk, reason="court case", by="anna")

    found = explain(recording)

    assert (found.leaves_at, found.policy) == (None, "old-recordings")
    assert "court case" in found.blocked_by[0]
    assert found.sentence.startswith("It stays: ")


def test_hold_with_an_end_moves_the_date(recording, make_policy):
    make_old(recording)
    make_policy(crontab="0 2 * * *")
    until = timezone.now() + timedelta(days=9)
    hold_recording(recording.pk, reason="court case", by="anna", until=until)

    assert until <= explain(recording).leaves_at <= until + timedelta(days=1)


def test_kept_recording_has_no_date(recording, make_policy):
    make_old(recording, keep=True)
    make_policy(crontab="0 2 * * *")

    found = explain(recording)

    assert found.leaves_at is None
    assert found.blocked_by == ("An administrator marked this recording to be kept.",)


def test_kept_recording_is_not_said_to_be_due_before_it_is(recording, make_policy):
    make_policy(crontab="0 2 * * *", max_age_seconds=30 * DAY)
    Recording.objects.update(keep=True)

    assert "Later on, the policy" in explain(recording).sentence

    make_old(recording)
    assert "Otherwise the policy" in explain(recording).sentence


def test_processing_is_named_and_does_not_take_the_date(recording, make_policy):
    make_policy(crontab="0 2 * * *")
    Job.objects.create(recording=recording, owner_id=recording.owner_id)

    found = explain(recording)

    assert found.blocked_by == ("It is being processed.",)
    assert found.leaves_at is not None


def test_paused_site_tells_no_date(recording, make_policy):
    make_policy(crontab="0 2 * * *")
    RetentionSwitch.turn(on=False, by="anna")

    found = explain(recording)

    assert found.leaves_at is None
    assert found.blocked_by == ("All scheduled policies are paused.",)


def test_policy_started_by_hand_has_no_date(recording, make_policy):
    make_policy()

    found = explain(recording)

    assert (found.leaves_at, found.policy) == (None, "old-recordings")
    assert "when someone starts it" in found.sentence


def test_trashed_recording_says_when_it_goes_for_ever(recording, shipped):
    move_to_trash([recording.pk], by="olga")
    recording.refresh_from_db()

    found = explain(recording)

    assert (found.policy, found.action) == ("trash", "delete")
    assert recording.purge_after <= found.leaves_at < recording.purge_after + timedelta(days=1)


def date(moment):
    return date_format(localtime(moment), "DATETIME_FORMAT")


def test_hours_between_a_deadline_and_the_turn_that_keeps_it_are_told(make_recording, shipped):
    asked = (timezone.now() + timedelta(days=9)).replace(hour=10, minute=0)
    recording = make_recording(expire_at=asked)

    found = explain(recording)

    turn = f"on {date(found.leaves_at)} (the first turn of the policy after {date(asked)})"
    assert found.leaves_at > asked
    assert f"It goes to the trash {turn}, because of" in found.sentence


def test_trash_tells_its_turn_and_the_deadline_before_it(recording, shipped):
    move_to_trash([recording.pk], by="olga")
    Recording.objects.update(purge_after=timezone.now().replace(hour=4) + timedelta(days=30))
    recording.refresh_from_db()

    found = explain(recording)

    turn = f"(the first turn of the policy after {date(recording.purge_after)})"
    assert f"It is deleted for ever on {date(found.leaves_at)} {turn}" in found.sentence


def test_age_that_is_not_reached_is_dated_as_the_pages_date(recording, make_policy):
    make_policy(max_age_seconds=30 * DAY, keep_newest=0, crontab="0 2 * * *")

    due = date(recording.created_at + timedelta(days=30))
    assert explain(recording).sentence.startswith(f"It is not due before {due}. So no date")


def test_what_is_overdue_is_told_its_turn_alone(recording, shipped):
    move_to_trash([recording.pk], by="olga")
    Recording.objects.update(purge_after=timezone.now() - timedelta(days=2))
    recording.refresh_from_db()

    assert "first turn" not in explain(recording).sentence


@settings(
    max_examples=25, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(days=st.integers(0, 400), age=st.integers(0, 400), kept=st.booleans(), past=st.booleans())
def test_what_is_explained_is_what_a_run_does(make_recording, make_policy, days, age, kept, past):
    recording = make_recording(files=0)
    Recording.objects.filter(pk=recording.pk).update(
        created_at=ago(days=days, minutes=1), keep=kept, expire_at=ago(days=1 if past else -1)
    )
    recording.refresh_from_db()
    policy = make_policy(max_age_seconds=age * DAY, every_seconds=60)

    due_now = explain(recording)
    done = run(policy)

    soon = timezone.now() + timedelta(seconds=61)
    told = due_now.leaves_at is not None and due_now.leaves_at <= soon
    assert told == (done.deleted == 1)
    policy.delete()
    recording.delete()


def test_command_and_tag_say_the_same(recording, make_policy):
    make_policy(crontab="0 2 * * *")
    found = explain(recording)

    out = StringIO()
    call_command("explain", recording.pk, "--json", stdout=out)
    said = json.loads(out.getvalue())
    page = Template("{% load retention %}{% explain recording as why %}{{ why.policy }}")

    assert (said["policy"], said["sentence"]) == (found.policy, found.sentence)
    assert page.render(Context({"recording": recording})) == found.policy
    with pytest.raises(CommandError, match="no recording 999999"):
        call_command("explain", 999999)


def test_sweep_command_plans_unless_told_to_apply(recording, make_policy):
    make_old(recording)
    policy = make_policy()

    def sweep(*arguments):
        out = StringIO()
        call_command("sweep", policy.slug, *arguments, stdout=out)
        return out.getvalue()

    plan = json.loads(sweep("--json"))
    assert (plan["mode"], plan["state"], plan["matched"]) == ("plan", "planned", 1)
    assert "1 would go" in sweep()
    assert Recording.objects.live().exists()
    done = json.loads(sweep("--apply", "--json"))
    assert (done["mode"], done["state"], done["deleted"]) == ("execute", "succeeded", 1)
    assert Recording.objects.trashed().exists()
    with pytest.raises(CommandError, match="no policy nothing"):
        call_command("sweep", "nothing")


def test_policy_that_refuses_to_run_gives_its_reason_and_no_date(recording, make_policy):
    make_policy(name="Unwatched", clock="watched", max_age_seconds=30 * DAY, crontab="0 2 * * *")

    found = explain(recording)

    assert (found.leaves_at, found.policy) == (None, "unwatched")
    assert found.blocked_by == (
        "The history of what was watched is shorter than the 30 days this policy asks about, "
        "so nothing is removed yet.",
    )
    assert found.sentence.startswith("It stays: The history of what was watched is shorter")


def test_policy_that_acts_comes_before_one_that_refuses(recording, make_policy):
    make_policy(name="Unwatched", clock="watched", max_age_seconds=0, crontab="0 2 * * *")
    make_policy(name="Year", max_age_seconds=365 * DAY, crontab="0 2 * * *")

    found = explain(recording)

    assert (found.policy, found.blocked_by) == ("year", ())
    assert found.leaves_at is not None


def test_no_date_is_told_while_the_clock_is_in_doubt(recording, make_policy):
    make_policy(crontab="0 2 * * *")
    Clock.objects.update_or_create(pk=1, defaults={"doubt": "It jumped ahead by 30 days."})

    found = explain(recording)

    assert found.leaves_at is None
    assert found.blocked_by == ("It jumped ahead by 30 days.",)
    assert leaving.dated_policies(database_now()) == []


def test_only_file_that_a_source_rule_takes_is_told(recording):
    recording.files.update(leaves_at=timezone.now() + timedelta(days=1))
    Recording.objects.update(state="failed")

    recording.refresh_from_db()
    assert "Its file goes on" in explain(recording).sentence

    hold_recording(recording.pk, reason="case", by="root")
    assert "Its file goes on" not in explain(recording).sentence
