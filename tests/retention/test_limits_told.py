"""A run that will be over a limit of its policy is told to wait before anybody asks for it."""

from __future__ import annotations

import pytest

from recordings.ledger.names import Kind
from recordings.models import Recording
from retention.impact import View
from tests.admin.conftest import desk  # noqa: F401  (a fixture)
from tests.conftest import store
from tests.retention.conftest import DAY, make_old, run
from tests.retention.test_admin import page
from tests.retention.test_rules import fill_disk, full_disk  # noqa: F401  (a fixture among them)

pytestmark = pytest.mark.django_db(transaction=True)

OVER = [
    ({"limit_items": 2}, "It would remove 3 items, and its limit is 2."),
    ({"limit_bytes": 1024}, "It would remove 2.9 KB, and its limit is 1.0 KB."),
    ({"limit_percent": 50}, "It would remove 3 of 3, and its limit is 50 percent."),
]


@pytest.fixture
def old(make_recording, monkeypatch):
    """Three recordings that are old, where a share of few counts too."""
    monkeypatch.setattr("retention.guard.PERCENT_FROM", 1)
    return [make_old(make_recording(files=1)) for _ in range(3)]


@pytest.mark.parametrize(("limit", "sentence"), OVER)
def test_pages_say_what_the_run_then_says(desk, old, make_policy, limit, sentence):  # noqa: F811
    policy = make_policy(max_age_seconds=DAY, action="delete", **limit)
    waits = f"{sentence} So the run will wait for approval"

    for name in ("accept", "run"):
        assert waits in desk.get(page(f"retentionpolicy_{name}", policy.pk)).content.decode()
    done = run(policy)

    assert (done.state, done.message) == ("waiting", sentence)


@pytest.mark.parametrize("limit", [{"limit_items": 3}, {"limit_percent": 100}, {}])
def test_run_within_its_limits_is_not_said_to_wait(desk, old, make_policy, limit):  # noqa: F811
    policy = make_policy(max_age_seconds=DAY, **limit)

    shown = desk.get(page("retentionpolicy_run", policy.pk)).content.decode()

    assert "will wait" not in shown
    assert ("over the limits of the policy waits" in shown) == bool(limit)
    assert run(policy).state == "succeeded"


def test_files_that_go_alone_are_no_share_of_the_recordings(old, make_policy, fill_disk):  # noqa: F811
    Recording.objects.update(width=640)
    for recording in old:
        store(recording, Kind.TRIMMED, b"x" * 500)
    fill_disk(4600)
    policy = full_disk(make_policy, disk_low_percent=85, limit_percent=1)

    seen = View.of(policy)
    done = run(policy)

    assert seen.impact.goes.items == done.deleted > seen.impact.rows == 0
    assert (seen.over_limit, done.state) == ("", "succeeded")
