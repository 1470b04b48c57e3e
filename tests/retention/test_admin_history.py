"""What administrators did with a policy and its runs stands in the history of both."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry

from retention import sweep
from retention.models import RetentionRun
from tests.admin.conftest import desk  # noqa: F401  (a fixture)
from tests.retention.conftest import DAY, make_old
from tests.retention.test_admin import page

pytestmark = pytest.mark.django_db(transaction=True)


def lines(row) -> list[str]:
    kept = LogEntry.objects.filter(content_type__model=row._meta.model_name, object_id=row.pk)
    assert set(kept.values_list("user__username", flat=True)) <= {"anna"}
    return [entry.get_change_message() for entry in kept.order_by("pk")]


def test_history_names_acceptance_runs_and_what_was_done_with_them(
    desk,  # noqa: F811
    make_policy,
    recording,
):
    make_old(recording)
    policy = make_policy(max_age_seconds=DAY, limit_items=0, accepted=False)
    shown = {"version": policy.version}
    desk.post(page("retentionpolicy_accept", policy.pk), shown)
    desk.post(page("retentionpolicy_run", policy.pk), shown)
    run = RetentionRun.objects.get()
    sweep.execute(run.pk)
    desk.post(page("retentionrun_approve", run.pk))
    sweep.execute(run.pk)
    desk.post(page("retentionrun_undo", run.pk))
    desk.post(page("retentionpolicy_plan", policy.pk))
    plan = RetentionRun.objects.first()
    desk.post(page("retentionrun_cancel", plan.pk))

    assert lines(policy) == [
        "Accepted version 1.",
        f"Started run {run.pk} by hand.",
        f"Approved run {run.pk}.",
        f"Began to undo run {run.pk}.",
        f"Previewed by run {plan.pk}.",
        f"Cancelled run {plan.pk}.",
    ]
    assert lines(run) == ["Approved.", "Began to undo."]
    history = desk.get(page("retentionpolicy_history", policy.pk)).content.decode()
    assert "Accepted version 1." in history


def test_what_was_refused_is_not_in_the_history(desk, make_policy):  # noqa: F811
    policy = make_policy(accepted=False)

    desk.post(page("retentionpolicy_accept", policy.pk), {"version": 7})
    desk.post(page("retentionpolicy_run", policy.pk), {"version": 1})

    assert lines(policy) == []


@pytest.mark.parametrize("action", ["disable", "preview"])
def test_what_is_done_with_many_is_in_the_history_of_each(desk, make_policy, action):  # noqa: F811
    policies = [make_policy(name=name) for name in ("One", "Two")]

    chosen = [policy.pk for policy in policies]
    data = {"action": f"{action}_selected", "_selected_action": chosen}
    desk.post(page("retentionpolicy_changelist"), data)

    said = [lines(policy) for policy in policies]
    assert [len(each) for each in said] == [1, 1]
    assert said[0][0].startswith(action.capitalize())
