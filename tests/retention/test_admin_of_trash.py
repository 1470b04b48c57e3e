"""What the admin says of the policy that empties the trash, whose age is a promise for later."""

from __future__ import annotations

import pytest

from retention.models import RetentionPolicy
from tests.admin.conftest import desk, said  # noqa: F401  (a fixture among them)
from tests.retention.conftest import DAY
from tests.retention.test_admin import FORM, page

pytestmark = pytest.mark.django_db(transaction=True)

ALONE = "Nothing else empties the trash by itself."


@pytest.fixture
def trash(shipped) -> RetentionPolicy:
    return shipped["trash"]


def saved(desk, trash: RetentionPolicy, **change):  # noqa: F811
    form = {**FORM, "name": trash.name, "slug": trash.slug, "target": "trash", "clock": "trashed",
            "action": "delete", "crontab": trash.crontab, "every_seconds": ""}  # fmt: skip
    address = page("retentionpolicy_change", trash.pk)
    return said(desk.post(address, {**form, "max_age_seconds": "30 days", **change}, follow=True))


def test_changed_span_is_seen_and_told_of_what_is_trashed_from_then_on(desk, trash):  # noqa: F811
    trash.max_age_seconds = 90 * DAY
    trash.save()

    shown = desk.get(page("retentionpolicy_accept", trash.pk)).content.decode()

    assert "is over (90 days for what is trashed under this policy) are deleted" in shown
    assert "What is in the trash keeps the date it was given when it came there" in shown
    assert "trashed once this is accepted can be restored for at least 90 days." in shown


def test_span_is_no_longer_than_another_policy_allows(desk, trash, make_policy):  # noqa: F811
    longer = make_policy("trash", accepted=False, name="Longer", max_age_seconds=90 * DAY)
    shown = desk.get(page("retentionpolicy_accept", longer.pk)).content.decode()
    RetentionPolicy.objects.filter(pk=longer.pk).update(enabled=False)
    off = desk.get(page("retentionpolicy_accept", longer.pk)).content.decode()

    by = f"by the policy “{trash.name}”, which allows less."
    assert f"once this is accepted can be restored for at least 30 days, {by}" in shown
    assert "when it came there; this policy sets none while it is not enabled." in off


@pytest.mark.parametrize(
    "change", [{"action": "report"}, {"scope": {"owners": ["anna"], "groups": [], "labels": []}}]
)
def test_policy_that_promises_no_span_names_none(desk, make_policy, change):  # noqa: F811
    values = {"action": "delete", "max_age_seconds": 90 * DAY, **change}
    policy = make_policy("trash", accepted=False, **values)

    shown = desk.get(page("retentionpolicy_accept", policy.pk)).content.decode()

    assert "90 days" not in policy.summary
    assert "when it came there; this policy sets none." in shown


def test_saving_a_change_says_that_nothing_empties_the_trash(desk, trash, make_policy):  # noqa: F811
    renamed = saved(desk, trash, name="Trash")
    changed = saved(desk, trash, max_age_seconds="90 days")
    make_policy("trash", name="Another", crontab="0 3 * * *")
    covered = saved(desk, trash, max_age_seconds="80 days")

    assert "out of force" not in renamed
    assert "it removes nothing meanwhile. " + ALONE in changed
    assert "it removes nothing meanwhile." in covered
    assert ALONE not in covered


@pytest.mark.parametrize("other", [{"action": "report", "crontab": "0 3 * * *"}, {}])
def test_policy_that_only_reports_or_waits_empties_no_trash(desk, trash, make_policy, other):  # noqa: F811
    make_policy("trash", name="Another", accepted=not other, **other)

    shown = desk.get(page("retentionpolicy_delete", trash.pk)).content.decode()

    assert ALONE in shown


def test_deleting_policies_says_what_no_longer_happens(desk, shipped, make_policy):  # noqa: F811
    trash, cache = shipped["trash"], shipped["cache"]  # the cache's is off
    one = desk.get(page("retentionpolicy_delete", trash.pk)).content.decode()
    chosen = {"action": "delete_selected", "_selected_action": [trash.pk, cache.pk]}
    both = desk.post(page("retentionpolicy_changelist"), chosen).content.decode()
    make_policy("trash", name="Another", crontab="0 3 * * *")
    covered = desk.get(page("retentionpolicy_delete", trash.pk)).content.decode()
    resting = desk.get(page("retentionpolicy_delete", cache.pk)).content.decode()

    for shown in (one, both):
        assert "Once deleted, this no longer happens:" in shown
        assert trash.summary in shown
        assert ALONE in shown
        assert cache.summary not in shown
    assert trash.summary in covered
    assert ALONE not in covered
    assert "no longer happens" not in resting
    assert RetentionPolicy.objects.filter(pk=trash.pk).exists()
