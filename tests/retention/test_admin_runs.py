"""The admin pages of runs: preview, run now, cancel, pause, items."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from recordings.models import Recording
from retention import runs, sweep
from retention.choices import Mode
from retention.models import RetentionPolicy, RetentionRun, RetentionSwitch, RunItem
from retention.runs_admin import in_words, went
from tests.admin.conftest import desk, said  # noqa: F401  (a fixture among them)
from tests.retention.conftest import DAY, make_old, run
from tests.retention.test_admin import page

pytestmark = pytest.mark.django_db(transaction=True)


def test_preview_is_looked_at_and_approved(desk, make_policy, recording):  # noqa: F811
    make_old(recording)
    policy = make_policy()

    shown = desk.post(page("retentionpolicy_plan", policy.pk), follow=True)
    plan = RetentionRun.objects.get()
    assert "It waits for a free worker" in shown.content.decode()
    assert "It waits" in desk.get(page("retentionrun_progress", plan.pk)).content.decode()
    sweep.execute(plan.pk)
    assert desk.get(page("retentionrun_progress", plan.pk))["HX-Refresh"] == "true"
    items = desk.get(page("runitem_changelist"), {"run__id__exact": plan.pk}).content.decode()
    assert "Lecture" in items
    assert "Approve" in desk.get(page("retentionrun_change", plan.pk)).content.decode()
    desk.post(page("retentionrun_approve", plan.pk))
    sweep.execute(plan.pk)

    assert Recording.objects.trashed().get() == recording
    assert "1 moved to the trash" in desk.get(page("retentionpolicy_changelist")).content.decode()


def test_page_of_a_run_has_its_items_and_says_what_can_be_done(desk, make_policy, recording):  # noqa: F811
    make_old(recording)
    policy = make_policy(limit_items=0)
    stopped = run(policy)

    shown = desk.get(page("retentionrun_change", stopped.pk)).content.decode()

    assert "Nothing has been removed" in shown
    assert "Approve</button>" in shown
    assert reverse("admin:recordings_recording_change", args=[recording.pk]) in shown
    assert "olga" in shown
    RetentionPolicy.objects.update(max_age_seconds=5)
    waits = desk.get(page("retentionrun_change", stopped.pk)).content.decode()
    assert "Approve</button>" not in waits
    assert "It is out of date." in waits
    assert page("retentionpolicy_change", policy.pk) in waits


def test_what_is_out_of_date_is_listed_as_that_and_waits_for_nobody(desk, make_policy, recording):  # noqa: F811
    make_old(recording)
    policy = make_policy(limit_items=0)
    stopped, plan = run(policy), run(policy, Mode.PLAN)
    before = desk.get(page("retentionrun_changelist")).content.decode()
    policy.max_age_seconds = 5
    policy.save()
    policy.accept(version=policy.version, by="anna")

    after = desk.get(page("retentionrun_changelist")).content.decode()
    shown = desk.get(page("retentionrun_change", plan.pk)).content.decode()

    assert ">waits for approval<" in before
    assert ">preview made<" in before
    assert after.count(">out of date<") == 2
    assert "Approve</button>" not in shown
    assert "found by version 1. Nothing has been removed" in " ".join(shown.split())
    assert "waits for approval.</strong>" not in desk.get(reverse("dashboard")).content.decode()
    assert "Out of date: 1 would go" in in_words(RetentionRun.objects.get(pk=stopped.pk))


def test_pages_name_policies_as_people_do(desk, make_policy, recording):  # noqa: F811
    make_old(recording)
    policy = make_policy(name="My first")
    done = run(policy, Mode.PLAN)
    pages = {
        name: " ".join(desk.get(address, query).content.decode().split())
        for name, address, query in (
            ("runs", page("retentionrun_changelist"), {}),
            ("run", page("retentionrun_change", done.pk), {}),
            ("items", page("runitem_changelist"), {"run__id__exact": done.pk}),
            ("dashboard", reverse("dashboard"), {}),
        )
    }

    assert "My first (my-first)" in pages["runs"]
    assert "“My first”, version 1: due since" in pages["run"]
    assert "“My first”, version 1: due since" in pages["items"]
    assert not any("policy my-first v1" in shown for shown in pages.values())
    assert ">My first</a>" in pages["dashboard"]
    assert done.items.get().reason.startswith("policy my-first v1: ")
    policy.delete()
    assert RunItem.objects.get().why.startswith("“my-first”, version 1: ")


def test_preview_does_not_read_as_if_it_waited(desk, make_policy, recording):  # noqa: F811
    make_old(recording)
    plan = run(make_policy(), Mode.PLAN)

    shown = desk.get(page("retentionrun_change", plan.pk)).content.decode()

    assert "A preview.</strong> Nothing has been removed, and it waits for nobody." in shown
    assert "Preview made: 1 would go" in in_words(plan)


def test_runs_of_former_versions_keep_their_words(
    desk,  # noqa: F811
    make_policy,
    recording,
    django_assert_num_queries,
):
    make_old(recording)
    policy = make_policy()
    trashed, idle = run(policy), run(policy)
    RetentionPolicy.objects.update(action="delete")
    gone = make_policy("django_sessions")
    run(gone)
    gone.delete()
    desk.get(page("retentionrun_changelist"))
    with CaptureQueriesContext(connection) as queries:
        shown = desk.get(page("retentionrun_changelist")).content.decode()

    assert "1 moved to the trash" in shown
    assert went(RetentionRun.objects.get(pk=trashed.pk)) == "1 moved to the trash"
    assert went(RetentionRun.objects.get(pk=idle.pk)) == "0 deleted"
    for number in range(3):
        run(make_policy(name=f"p{number}", action="delete"))
    RetentionPolicy.objects.update(max_age_seconds=7)
    with django_assert_num_queries(len(queries)):
        desk.get(page("retentionrun_changelist"))


def test_run_now_needs_acceptance_and_can_be_cancelled(desk, make_policy):  # noqa: F811
    policy = make_policy(accepted=False)
    shown = {"version": policy.version}
    answer = desk.post(page("retentionpolicy_run", policy.pk), shown, follow=True)
    assert "not accepted yet" in said(answer)

    policy.accept(version=1, by="anna")
    desk.post(page("retentionpolicy_run", policy.pk), shown)
    asked = RetentionRun.objects.get()
    desk.post(page("retentionrun_cancel", asked.pk))

    asked.refresh_from_db()
    assert asked.state == "cancelled"


def test_last_run_shown_is_one_that_did_something(desk, make_policy, recording):  # noqa: F811
    make_old(recording)
    policy = make_policy(max_age_seconds=DAY)
    run(policy)
    sweep.execute(runs.ask(policy, mode=Mode.PLAN, by="anna").pk)

    for address in (
        page("retentionpolicy_changelist"),
        page("retentionpolicy_change", policy.pk),
    ):
        shown = desk.get(address).content.decode()
        assert "Succeeded: 1 moved to the trash" in shown
        assert "would go" not in shown


def test_run_now_asks_first_and_says_what_goes_for_ever(desk, make_policy, recording):  # noqa: F811
    make_old(recording)
    policy = make_policy(action="delete")
    address = page("retentionpolicy_run", policy.pk)
    assert f'<a href="{address}">Run now…</a>' in (
        desk.get(page("retentionpolicy_change", policy.pk)).content.decode()
    )

    asked = desk.get(address).content.decode()

    assert "Run now, it would take 1 recording, " in asked
    assert "What is deleted does not come back." in asked
    assert not RetentionRun.objects.exists()
    started = desk.post(address, {"version": policy.version}, follow=True)
    assert started.redirect_chain == [
        (page("retentionrun_change", RetentionRun.objects.get().pk), 302)
    ]


def test_run_now_of_what_changed_meanwhile_is_asked_again(desk, make_policy, recording):  # noqa: F811
    make_old(recording)
    policy = make_policy(max_age_seconds=DAY, action="delete")
    policy.max_age_seconds = 0
    policy.save()
    policy.accept(version=policy.version, by="boris")
    address = page("retentionpolicy_run", policy.pk)

    for version in ({"version": policy.version - 1}, {"version": "x"}, {}):
        answer = desk.post(address, version, follow=True)
        assert "The policy has changed meanwhile: look at it again." in answer.content.decode()
        assert answer.redirect_chain == [(address, 302)]

    assert not RetentionRun.objects.exists()


def test_run_now_of_what_is_not_accepted_leads_to_acceptance(desk, make_policy):  # noqa: F811
    policy = make_policy(accepted=False)

    answer = desk.get(page("retentionpolicy_run", policy.pk))

    assert answer.url == page("retentionpolicy_accept", policy.pk)


def test_all_policies_are_paused_and_resumed_with_a_button(desk, make_policy):  # noqa: F811
    policy = make_policy(every_seconds=60)

    paused = desk.post(page("retentionpolicy_switch"), {"on": "0"}, follow=True)
    assert "have been paused" in paused.content.decode()
    assert RetentionSwitch.current().paused_by == "anna"
    desk.post(page("retentionpolicy_switch"), {"on": "1"})

    policy.refresh_from_db()
    assert policy.next_due_at is not None


def test_pause_is_seen_wherever_policies_are(desk, make_policy):  # noqa: F811
    policy = make_policy(every_seconds=60)
    pages = (
        page("retentionpolicy_changelist"),
        page("retentionpolicy_change", policy.pk),
        reverse("dashboard"),
    )
    running = [desk.get(one).content.decode() for one in pages]

    RetentionSwitch.turn(on=False, by="anna")

    for former, one in zip(running, pages, strict=True):
        shown = desk.get(one).content.decode()
        assert "Nothing is due by itself until they are on again." in shown
        assert "have been paused since" not in former


def test_runs_are_read_only_and_items_belong_to_one(desk, make_policy, recording):  # noqa: F811
    make_old(recording)
    done = run(make_policy(max_age_seconds=DAY))

    assert desk.get(page("retentionrun_change", done.pk)).status_code == 200
    assert desk.get(page("retentionrun_changelist")).status_code == 200
    assert desk.post(page("retentionrun_change", done.pk), {}).status_code == 403
    assert "Lecture" not in desk.get(page("runitem_changelist")).content.decode()
