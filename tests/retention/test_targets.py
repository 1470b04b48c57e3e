"""The targets as a whole: what is written of them, and policies for one that is not there."""

from __future__ import annotations

import pytest
from django.urls import reverse

from retention import schedule
from retention.choices import Mode
from retention.impact import impact
from retention.models import RetentionPolicy
from retention.targets import targets
from retention.targets.base import Target, Weight
from retention.words import weighed
from tests.retention import targets_table
from tests.retention.conftest import run

pytestmark = pytest.mark.django_db


def test_page_about_targets_is_up_to_date():
    assert targets_table.PAGE.read_text() == targets_table.page(), (
        "Write it anew: DJANGO_SETTINGS_MODULE=tests.settings "
        "python -m tests.retention.targets_table"
    )


@pytest.mark.parametrize("slug", list(targets()))
def test_target_says_what_it_removes_and_what_never(slug):
    target = targets()[slug]

    assert target.removes.endswith(".")
    assert any(word in target.removes for word in ("never", "only", "No row"))
    assert target.clocks
    assert target.actions


@pytest.mark.parametrize("slug", list(targets()))
def test_who_takes_a_limit_in_percent_counts_the_whole(slug):
    target = targets()[slug]

    assert target.has_percent == (type(target).total is not Target.total)


@pytest.mark.parametrize(
    ("slug", "words"),
    [
        ("recordings", "1 recording, 2.0 KB, 1 owner"),
        ("trash", "1 recording in the trash, 2.0 KB, 1 owner"),
        ("directory", "1 file in a folder, 2.0 KB, 1 owner"),
        ("cache", "1 cache entry, 2.0 KB, 1 owner"),
    ],
)
def test_one_of_its_things_is_named_in_the_singular(slug, words):
    assert weighed(Weight(items=1, owners=1, size=2048), targets()[slug].noun) == words


@pytest.fixture
def unknown(shipped):
    """A policy for a target that this version does not have."""
    RetentionPolicy._base_manager.filter(slug="jobs").update(target="mystery", clock="")
    return RetentionPolicy.objects.get(slug="jobs")


def test_policy_for_an_unknown_target_breaks_nothing(unknown, client, administrator):
    client.force_login(administrator)

    assert unknown.summary == "Does nothing: mystery is no target."
    assert "is no target" in impact(unknown).refusal
    assert schedule.sync_all() > 5
    for mode in Mode:
        done = run(unknown, mode)
        assert (done.state, done.matched) == ("refused", 0)
    assert client.get("/api/policies").status_code == 200
    assert client.get(f"/api/policies/{unknown.pk}").json()["target"] == "mystery"
    for page, *args in (("changelist",), ("change", unknown.pk), ("accept", unknown.pk)):
        address = reverse(f"admin:retention_retentionpolicy_{page}", args=args)
        assert client.get(address).status_code == 200


def test_folder_is_chosen_in_the_admin(folders, client, administrator):
    client.force_login(administrator)
    address = reverse("admin:retention_retentionpolicy_add")
    form = {
        "name": "Marked", "target": "directory", "action": "delete", "max_age_seconds": "1 day",
        "timezone": "UTC", "path": "media", "glob": "*.png", "recursive": "on",
    }  # fmt: skip

    refused = client.post(address, form)
    accepted = client.post(address, {**form, "path": "managed/marked"})

    assert "nothing may be removed there" in refused.content.decode()
    assert accepted.status_code == 302
    policy = RetentionPolicy.objects.get(name="Marked")
    assert (policy.path, policy.glob, policy.recursive) == ("managed/marked", "*.png", True)
    page = client.get(reverse("admin:retention_retentionpolicy_change", args=[policy.pk]))
    assert "counted from DATA_DIR" in page.content.decode()


def test_folder_is_chosen_through_the_api(folders, client, administrator):
    client.force_login(administrator)
    given = {"name": "Marked", "target": "directory", "action": "delete", "max_age_seconds": 0}

    refused = client.post("/api/policies", {**given, "path": "logs"}, "application/json")
    made = client.post("/api/policies", {**given, "path": "managed/x"}, "application/json")

    assert (refused.status_code, "nothing may be removed" in refused.json()["path"][0]) == (
        400,
        True,
    )
    assert (made.status_code, made.json()["path"]) == (201, "managed/x")
