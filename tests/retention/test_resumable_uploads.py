"""The policy of abandoned uploads, of those that can be resumed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db.models.functions import Now

from recordings.ledger import leases
from recordings.ledger.models import Account
from recordings.models import Recording, ResumableUpload
from recordings.uploads import resumable
from retention.models import RetentionPolicy
from tests.recordings import resuming as scene
from tests.recordings.resuming import CONTENT, HALF
from tests.retention.conftest import run

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., RetentionPolicy]


def idle(**span: float) -> None:
    Recording.objects.update(created_at=Now() - timedelta(days=9))
    ResumableUpload.objects.update(touched_at=Now() - timedelta(**span))


def hold_claim(holder: str, minutes: float) -> None:
    until = Now() + timedelta(minutes=minutes)
    ResumableUpload.objects.update(claim=uuid4(), claimed_by=holder, lease_until=until)


def test_upload_that_is_idle_for_longer_goes_with_its_room(
    owner: Any, make_policy: Make, account: Callable[[], Account]
) -> None:
    scene.half(owner)
    idle(hours=25)

    done = run(make_policy("uploads"))

    assert (done.matched, done.deleted) == (1, 1)
    scene.assert_gone(account)


def test_upload_that_bytes_came_of_lately_stays_however_old_it_is(
    owner: Any, make_policy: Make
) -> None:
    upload = scene.half(owner)
    idle(hours=23)

    assert run(make_policy("uploads")).deleted == 0

    scene.send(upload, CONTENT[HALF:])
    scene.assert_arrived(upload)


@pytest.mark.parametrize("size", [1000, HALF])
def test_upload_that_nobody_writes_goes_at_age_zero(
    owner: Any, make_policy: Make, account: Callable[[], Account], size: int
) -> None:
    scene.send(scene.begin(owner), CONTENT[:size])

    assert run(make_policy("uploads", max_age_seconds=0)).deleted == 1

    scene.assert_gone(account)


@pytest.mark.parametrize("size", [1000, HALF])
def test_upload_that_somebody_writes_stays_at_age_zero(
    owner: Any, make_policy: Make, size: int
) -> None:
    upload = scene.send(scene.begin(owner), CONTENT[:size])
    with resumable.claimed(upload):
        assert run(make_policy("uploads", max_age_seconds=0)).deleted == 0

    scene.send(upload, CONTENT[size:])
    scene.assert_arrived(upload)


@pytest.mark.parametrize(("minutes", "goes"), [(1, False), (-1, True)])
def test_claim_of_another_machine_counts_as_long_as_its_lease(
    owner: Any, make_policy: Make, minutes: float, goes: bool
) -> None:
    scene.half(owner)
    hold_claim("elsewhere/1/boot/7/8", minutes)

    assert run(make_policy("uploads", max_age_seconds=0)).deleted == goes


def test_claim_of_a_dead_process_counts_no_more(owner: Any, make_policy: Make) -> None:
    scene.half(owner)
    here, start = leases.holder().rsplit("/", 1)
    hold_claim(f"{here.rsplit('/', 1)[0]}/{2**22 + 1}/{start}", 1)

    assert run(make_policy("uploads", max_age_seconds=0)).deleted == 1


def test_policy_in_force_says_how_long_an_upload_may_rest(owner: Any, make_policy: Make) -> None:
    assert resumable.period() == timedelta(hours=24)

    make_policy("uploads", max_age_seconds=3600)
    assert resumable.period() == timedelta(hours=1)

    make_policy("uploads", name="olga's", max_age_seconds=60, scope={"owners": [owner.username]})
    assert resumable.period() == timedelta(hours=1)
