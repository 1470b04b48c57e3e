"""The admin pages, down to a policy made there that does its work without any further hand."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_celery_beat.models import PeriodicTask

from recordings.forms import SpanField
from recordings.models import Recording
from retention import tasks
from retention.models import RetentionPolicy, RetentionRun, RetentionSwitch
from tests.admin.conftest import desk, said  # noqa: F401  (a fixture among them)
from tests.retention.conftest import DAY, ago, make_old, run

pytestmark = pytest.mark.django_db(transaction=True)

FORM = {
    "name": "One minute",
    "slug": "",
    "target": "recordings",
    "enabled": "on",
    "clock": "uploaded",
    "max_age_seconds": "1 minute",
    "action": "trash",
    "crontab": "",
    "timezone": "UTC",
    "every_seconds": "10",
    "owners": "",
    "labels": "",
}


def page(name, *arguments):
    return reverse(f"admin:retention_{name}", args=arguments)


def test_policy_made_and_accepted_here_does_its_work(desk, make_recording):  # noqa: F811
    old = make_recording(files=1)
    Recording.objects.filter(pk=old.pk).update(created_at=ago(seconds=90))
    young = make_recording(files=1)

    desk.post(page("retentionpolicy_add"), FORM)
    policy = RetentionPolicy.objects.get(slug="one-minute")
    task = PeriodicTask.objects.get(name=f"retention policy {policy.pk}")
    assert not task.enabled
    asked = desk.get(page("retentionpolicy_accept", policy.pk)).content.decode()
    assert "Every 10 seconds: recordings older than 1 minute go to the trash" in asked
    assert "it would take 1 recording, " in asked
    answer = desk.post(page("retentionpolicy_accept", policy.pk), {"version": 1}, follow=True)
    assert "is accepted" in said(answer)
    task.refresh_from_db()
    assert (task.enabled, task.interval.every) == (True, 10)

    RetentionPolicy.objects.filter(pk=policy.pk).update(next_due_at=ago(seconds=1))
    assert tasks.ring(policy.pk)

    assert list(Recording.objects.trashed()) == [old]
    assert list(Recording.objects.live()) == [young]


def test_change_here_changes_the_periodic_task_at_once(desk, make_policy):  # noqa: F811
    policy = make_policy(every_seconds=3600)
    form = {**FORM, "name": policy.name, "slug": policy.slug, "max_age_seconds": "1 day"}

    desk.post(page("retentionpolicy_change", policy.pk), {**form, "every_seconds": "2 hours"})

    policy.refresh_from_db()
    task = PeriodicTask.objects.get(name=f"retention policy {policy.pk}")
    assert (task.enabled, task.interval.every) == (True, 7200)
    assert policy.may_act


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"max_age_seconds": ""}, "A policy needs a rule"),
        ({"max_age_seconds": "soon"}, "Give a span"),
        ({"max_age_seconds": "3 moons"}, "is no unit"),
        ({"max_age_seconds": "9" * 5000}, "Give a span"),
        ({"max_age_seconds": f"{'9' * 5000} days"}, "Give a span"),
        ({"max_age_seconds": f"{'9' * 15} years"}, "less than or equal to"),
        ({"every_seconds": "9" * 15}, "less than or equal to"),
        ({"keep_newest": "9" * 30}, "less than or equal to"),
        ({"target": "trash"}, "This action does not fit"),
        ({"clock": "modified"}, "This clock does not fit"),
        ({"crontab": "0 2 * * *"}, "not both"),
        ({"every_seconds": "", "crontab": "noon"}, "is no crontab line"),
        ({"owners": "nobody"}, "There is no user nobody"),
        ({"target": "scratch", "action": "delete", "clock": "", "labels": "a"},
         "cannot be narrowed by labels"),
    ],
)  # fmt: skip
def test_bad_form_is_answered_with_a_sentence(desk, change, sentence):  # noqa: F811
    answer = desk.post(page("retentionpolicy_add"), {**FORM, **change})

    assert answer.status_code == 200
    assert sentence in answer.content.decode()
    assert not RetentionPolicy.objects.filter(name=FORM["name"]).exists()


def test_backup_first_is_asked_for_here(desk):  # noqa: F811
    desk.post(page("retentionpolicy_add"), {**FORM, "backup_first": "on"})

    assert RetentionPolicy.objects.get(name="One minute").backup_first


def test_malformed_age_gives_one_error(desk):  # noqa: F811
    answer = desk.post(page("retentionpolicy_add"), {**FORM, "max_age_seconds": "soon"})

    errors = answer.context["adminform"].form.errors
    assert {name: len(said) for name, said in errors.items()} == {"max_age_seconds": 1}


def test_new_policy_is_for_nothing_before_a_target_is_chosen(desk):  # noqa: F811
    form = desk.get(page("retentionpolicy_add")).context["adminform"].form
    answer = desk.post(page("retentionpolicy_add"), {**FORM, "target": ""})

    assert form.fields["target"].choices[0] == ("", "---------")
    assert answer.context["adminform"].form.errors == {"target": ["This field is required."]}


@pytest.mark.parametrize(
    ("span", "seconds"),
    [("90 sec", 90), ("2 min", 120), ("1 hour", 3600), ("2 hours", 7200), ("3 hrs", 10800),
     ("1 day", 86400), ("2 days 1 min", 172860), ("5m", 300), ("1d", 86400)],
)  # fmt: skip
def test_span_may_be_written_in_the_usual_ways(span, seconds):
    assert SpanField().to_python(span) == seconds


def test_scope_is_shown_and_kept_for_someone_who_is_gone(desk, make_policy, make_user):  # noqa: F811
    boris = make_user("boris")
    pk = boris.pk
    policy = make_policy(scope={"owners": ["boris", "anna"], "labels": ["draft"]}, every_seconds=60)
    assert "anna, boris" in desk.get(page("retentionpolicy_change", policy.pk)).content.decode()
    boris.delete()

    form = {**FORM, "slug": policy.slug, "max_age_seconds": "1 day"}
    desk.post(
        page("retentionpolicy_change", policy.pk), {**form, "owners": "anna", "labels": "draft"}
    )

    policy.refresh_from_db()
    assert pk in policy.scope["owners"]
    assert policy.version == 1


def test_accepting_what_has_changed_meanwhile_is_refused(desk, make_policy):  # noqa: F811
    policy = make_policy(accepted=False)
    policy.max_age_seconds = 60
    policy.save()

    answer = desk.post(page("retentionpolicy_accept", policy.pk), {"version": 1}, follow=True)

    assert "changed meanwhile" in said(answer)
    policy.refresh_from_db()
    assert not policy.may_act


def test_fields_for_folders_are_folded_away_where_no_folder_is_meant(desk, make_policy):  # noqa: F811
    folded = desk.get(page("retentionpolicy_change", make_policy().pk)).content.decode()
    folder = make_policy("directory", path="managed/pictures", glob="*.png")
    open_ = desk.get(page("retentionpolicy_change", folder.pk)).content.decode()

    assert "collapse" in folded
    assert "collapse" not in open_


def test_limit_of_bytes_is_given_in_words(desk):  # noqa: F811
    desk.post(page("retentionpolicy_add"), {**FORM, "limit_bytes": "2 GB"})

    assert RetentionPolicy.objects.get(name=FORM["name"]).limit_bytes == 2 * 1024**3


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"crontab": "0 2 1 1 *", "timezone": "Asia/Kolkata"},
            r"Accepted now, it runs first on \d{4}-01-01 at 02:00:00 Asia/Kolkata\.",
        ),
        ({"every_seconds": 3600}, r"Accepted now, it runs first on \d{4}-\d\d-\d\d at \d\d:"),
        ({"enabled": False, "at_startup": True}, "disabled, so .* even when it is accepted\\.</p>"),
        ({"at_startup": True}, "It has no schedule.*It runs at every start of the scheduler too"),
    ],
)
def test_acceptance_names_the_first_run(desk, make_policy, values, sentence):  # noqa: F811
    policy = make_policy(accepted=False, **{"timezone": "UTC", **values})

    shown = desk.get(page("retentionpolicy_accept", policy.pk)).content.decode()

    assert re.search(sentence, shown)


def test_acceptance_names_the_pause(desk, make_policy):  # noqa: F811
    RetentionSwitch.turn(on=False, by="anna")
    policy = make_policy(accepted=False, every_seconds=60)

    shown = desk.get(page("retentionpolicy_accept", policy.pk)).content.decode()

    assert "still waits: All scheduled policies are paused." in shown


def test_policy_that_would_take_nothing_says_so(desk, make_policy):  # noqa: F811
    policy = make_policy(accepted=False)

    shown = desk.get(page("retentionpolicy_accept", policy.pk)).content.decode()

    assert "Run now, it would take nothing." in shown


def test_change_that_puts_a_policy_out_of_force_says_so(desk, make_policy):  # noqa: F811
    policy = make_policy(every_seconds=10)
    address = page("retentionpolicy_change", policy.pk)
    form = {**FORM, "name": "Renamed", "slug": policy.slug}
    sentence = "It is out of force until it is accepted, and so is its former version"

    renamed = desk.post(address, {**form, "max_age_seconds": "1 day"}, follow=True)
    changed = desk.post(address, {**form, "max_age_seconds": "2 days"}, follow=True)

    assert sentence not in said(renamed)
    assert sentence in said(changed)


def test_policies_are_filtered_by_target_as_forms_name_it(desk, make_policy):  # noqa: F811
    make_policy(name="Leftovers of work", target="scratch")
    make_policy(name="Sign-ins that ended", target="django_sessions")

    every = desk.get(page("retentionpolicy_changelist")).content.decode()
    some = desk.get(page("retentionpolicy_changelist"), {"target": "django_sessions"})

    assert ">django_sessions<" not in "".join(every.split())
    assert ">Expiredsign-ins<" in "".join(every.split())
    assert "Sign-ins that ended" in some.content.decode()
    assert "Leftovers of work" not in some.content.decode()


@pytest.mark.parametrize("action", ["enable_selected", "disable_selected", "preview_selected"])
def test_lists_edit_in_bulk(desk, make_policy, action):  # noqa: F811
    policy = make_policy(every_seconds=60, enabled=action != "enable_selected")

    desk.post(
        page("retentionpolicy_changelist"),
        {"action": action, "_selected_action": [policy.pk]},
    )

    policy.refresh_from_db()
    assert policy.enabled == (action != "disable_selected")
    task = PeriodicTask.objects.get(name=f"retention policy {policy.pk}")
    assert task.enabled == policy.enabled
    planned = RetentionRun.objects.filter(mode="plan").exists()
    assert planned == RetentionRun.objects.exists() == (action == "preview_selected")


def test_owner_and_bystander_see_nothing_of_it(client, make_policy, make_user):
    policy = make_policy()
    client.force_login(make_user("sven", is_staff=True))

    for name in ("retentionpolicy", "retentionrun", "runitem"):
        assert client.get(page(f"{name}_changelist")).status_code == 403
    for name in ("accept", "plan", "run"):
        assert client.post(page(f"retentionpolicy_{name}", policy.pk)).status_code == 403
    assert client.post(page("retentionpolicy_switch")).status_code == 403


def test_beat_has_no_pages_of_its_own():
    assert not admin.site.is_registered(PeriodicTask)


def test_acceptance_shows_the_difference_to_what_was_accepted(desk, make_policy, make_recording):  # noqa: F811
    make_old(make_recording(files=1))
    policy = make_policy(max_age_seconds=300 * DAY)
    RetentionPolicy.objects.filter(pk=policy.pk).update(max_age_seconds=DAY)

    asked = desk.get(page("retentionpolicy_accept", policy.pk)).content.decode()

    assert "before: +1 recording, 1000 bytes, 1 owner." in asked


def test_acceptance_names_the_owners_where_a_target_has_them(desk, make_policy, recording):  # noqa: F811
    make_old(recording)
    of_people = make_policy(accepted=False)
    of_nobody = make_policy("django_sessions", accepted=False)
    Session.objects.create(session_key="old", session_data="", expire_date=ago(days=5))
    heading = '<th scope="col">Owner</th>'

    shown = desk.get(page("retentionpolicy_accept", of_people.pk)).content.decode()
    other = desk.get(page("retentionpolicy_accept", of_nobody.pk)).content.decode()

    assert heading in shown
    assert "<td>olga</td>" in shown
    assert "it would take 1 expired sign-in" in other
    assert heading not in other


def test_rules_beside_the_age_are_given_in_the_form(desk):  # noqa: F811
    form = {**FORM, "max_age_seconds": "", "clock": "", "keep_newest": "5"}

    desk.post(page("retentionpolicy_add"), {**form, "max_total_bytes": "2.5 TB"})
    bad = desk.post(page("retentionpolicy_add"), {**form, "max_total_bytes": "much"})

    policy = RetentionPolicy.objects.get(slug="one-minute")
    assert (policy.keep_newest, policy.max_total_bytes) == (5, int(2.5 * 1024**4))
    assert "2560 GB" in desk.get(page("retentionpolicy_change", policy.pk)).content.decode()
    assert "Give a size such as" in bad.content.decode()


def test_list_of_policies_costs_the_same_queries_whatever_it_shows(
    desk,  # noqa: F811
    make_policy,
    make_user,
    django_assert_num_queries,
):
    make_user("boris")
    run(make_policy(scope={"owners": ["boris"]}))
    desk.get(page("retentionpolicy_changelist"))
    with CaptureQueriesContext(connection) as one:
        desk.get(page("retentionpolicy_changelist"))

    for number in range(3):
        run(make_policy(name=f"p{number}", scope={"owners": ["boris"]}))

    with django_assert_num_queries(len(one)):
        desk.get(page("retentionpolicy_changelist"))


def test_policy_without_a_target_here_is_shown_and_takes_nothing(desk):  # noqa: F811
    policy = RetentionPolicy(name="Moon", target="moon", action="delete", max_age_seconds=0)
    policy.save()

    shown = desk.get(page("retentionpolicy_accept", policy.pk)).content.decode()

    assert "“moon” is no target, so nothing is removed" in shown
    assert "Does nothing" in desk.get(page("retentionpolicy_changelist")).content.decode()
