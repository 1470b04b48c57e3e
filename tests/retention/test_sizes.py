"""What no longer fits is the same from either end, and no run relies on the accounts for it."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F, Sum

from recordings.ledger.models import Account, StoredFile
from recordings.ledger.names import Kind
from recordings.models import Recording
from retention.choices import Mode
from retention.clock import database_now
from retention.impact import impact
from retention.models import RetentionPolicy, everyone
from retention.targets import get, sizes
from tests.retention.conftest import run
from tests.retention.libraries import add, add_file, build

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
SPEC = {
    "days": 3, "trashed": False, "keep": False, "state": "ready", "size": 5, "held": False,
    "busy": False, "kinds": {Kind.TRIMMED},
}  # fmt: skip


def policy_of(most):
    return RetentionPolicy(
        name="p", target="recordings", action="delete", clock="uploaded", max_total_bytes=most,
        scope=everyone(),
    )  # fmt: skip


@pytest.fixture
def library(owners):
    """Make 60 recordings of two owners, clustered in time, and all that is not compared."""
    chance = random.Random(7)
    for _ in range(60):
        recording = add(owners[chance.randrange(2)], {**SPEC, "kinds": set()})
        hours = chance.choice([0, 0, 1, 30, 31, 200, chance.randrange(2000)])
        moment = NOON - timedelta(hours=hours, seconds=chance.randrange(3))
        Recording.objects.filter(pk=recording.pk).update(created_at=moment)
        for kind in (Kind.TRIMMED, Kind.AUDIO)[: chance.randrange(3)]:
            add_file(recording, kind, chance.randrange(1, 40))
    add(owners[0], {**SPEC, "keep": True})
    add(owners[0], {**SPEC, "trashed": True})
    add(owners[1], {**SPEC, "state": "uploading"})
    shared = {"storage": "disk", "kind": Kind.POSTER, "state": "ready", "sha256": "0" * 64}
    shared["ready_at"] = NOON
    StoredFile.objects.create(file="site", size=1000, **shared)
    StoredFile.objects.create(file="alone", size=1000, owner_id=owners[0].pk, **shared)
    build(owners, [])


@pytest.mark.parametrize("moments", [1000, 5])
def test_from_the_nearer_end_it_is_what_it_is_from_the_newest(library, monkeypatch, moments):
    monkeypatch.setattr(sizes, "MOMENTS", moments)
    target, at = get("recordings"), database_now()
    everything = target.ladder(policy_of(0), at).everything
    ready = StoredFile.objects.ready().filter(recording_id__in=everything.values("pk"))
    total = ready.aggregate(size=Sum("size"))["size"]

    assert target.shown(policy_of(0), at).total == total
    for most in range(0, total + 20, 10):
        added_up, read = target.ladder(policy_of(most), at), target.shown(policy_of(most), at)
        assert read.limit == added_up.limit
        assert (read.limit is None) == (most >= total)


@pytest.mark.parametrize("drift", [-300, 300])
def test_books_that_are_wrong_change_no_run(library, owners, drift):
    target, at = get("recordings"), database_now()
    policy = policy_of(target.shown(policy_of(0), at).total - 50)
    policy.save()
    policy.accept(version=1, by="anna")
    going = target.ladder(policy, at).met.count()
    Account.objects.filter(owner_id=owners[0].pk).update(used=F("used") + drift)

    assert run(policy, Mode.PLAN).matched == going
    assert impact(policy).goes.items != going


def test_page_about_one_owner_adds_his_files_up(library, owners):
    policy = policy_of(0)
    policy.scope = {**everyone(), "owners": [owners[0].pk]}

    assert get("recordings").shown(policy, database_now()).total is None
