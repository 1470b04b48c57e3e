"""A run that moved recordings to the trash is undone as a whole, and nothing beyond it."""

from __future__ import annotations

import signal
from functools import partial
from threading import Thread

import pytest
from django.db import connection, transaction

from recordings.models import Recording
from recordings.trash import erase, move_to_trash, restore
from retention import runs, tasks, words
from retention.choices import Mode
from retention.exceptions import RetentionError
from retention.models import RetentionRun
from retention.targets.run_history import former
from retention.undo import ask, carry_on, waiting
from tests.admin.conftest import desk, said  # noqa: F401  (a fixture among them)
from tests.api.conftest import admin_api  # noqa: F401  (a fixture)
from tests.conftest import assert_clean
from tests.proofs import children
from tests.proofs.moments import Moments, die
from tests.retention.conftest import make_old, run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def olds(make_recording):
    return [make_old(make_recording(files=1)) for _ in range(4)]


def undo(run: RetentionRun, *, by: str) -> RetentionRun:
    """Do what asking for it and a worker together do."""
    ask(run, by=by)
    while carry_on(run.pk):
        pass
    run.refresh_from_db()
    return run


def test_run_is_undone_as_a_whole(olds, make_policy, account):
    done = run(make_policy())

    undone = undo(done, by="boris")

    assert undone.state == "undone"
    assert undone.message.startswith("It was undone by boris: 4 recordings came back.")
    assert "takes them again" in undone.message
    assert Recording.objects.live().count() == 4
    assert (account().used, account().in_trash) == (4000, 0)
    assert_clean()


def test_undone_run_says_that_things_moved_whatever_its_policy_does_by_now(olds, make_policy):
    policy = make_policy()
    done = run(policy)
    policy.max_age_seconds = 999 * 86400
    policy.save()

    undone = undo(done, by="boris")

    assert words.went(undone) == "4 moved to the trash"
    assert {item.get_outcome_display() for item in undone.items.all()} <= {"moved to the trash"}


def test_only_what_is_still_in_the_trash_by_the_run_comes_back(olds, make_policy):
    elsewhere, own, gone, back = olds
    done = run(make_policy())
    restore([elsewhere.pk, own.pk])
    move_to_trash([own.pk], by="olga")
    erase([gone.pk], by="olga")

    undone = undo(done, by="boris")

    assert "1 recording came back, 3 were in the trash by it no longer" in undone.message
    assert set(Recording.objects.live()) == {elsewhere, back}
    assert set(Recording.objects.trashed()) == {own}


def test_what_a_later_run_trashed_again_is_left_to_that_one(olds, make_policy):
    policy = make_policy()
    first = run(policy)
    restore([row.pk for row in olds])
    second = run(policy)

    with pytest.raises(RetentionError, match="Nothing of this run"):
        undo(first, by="boris")

    assert Recording.objects.trashed().count() == 4
    assert undo(second, by="boris").state == "undone"
    assert Recording.objects.live().count() == 4


@pytest.fixture
def small_steps(monkeypatch):
    from retention import undo as module

    monkeypatch.setattr(module, "BATCH_SIZE", 1)


def test_asking_takes_no_time_whatever_the_number(olds, make_policy):
    asked = ask(run(make_policy()), by="boris")

    assert asked.state == "undoing"
    assert Recording.objects.live().count() == 0
    assert waiting() == [asked.pk]


def test_one_step_brings_back_a_batch_and_the_next_one_goes_on(olds, make_policy, small_steps):
    asked = ask(run(make_policy()), by="boris")

    assert carry_on(asked.pk, steps=3)  # and here its worker is killed
    asked.refresh_from_db()
    assert (asked.state, asked.restored, asked.undo_progress) == ("undoing", 3, (3, 4))
    assert Recording.objects.live().count() == 3

    assert not carry_on(asked.pk)
    asked.refresh_from_db()
    assert "4 recordings came back" in asked.message
    assert waiting() == []


def test_step_that_is_killed_in_the_middle_leaves_nothing_half_done(olds, make_policy, small_steps):
    """All of a step is one transaction, so what kills it before the commit undoes it whole."""
    asked = ask(run(make_policy()), by="boris")
    carry_on(asked.pk, steps=1)
    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        carry_on(asked.pk, steps=2)
        raise KeyboardInterrupt

    asked.refresh_from_db()
    assert (asked.restored, Recording.objects.live().count()) == (1, 1)
    while carry_on(asked.pk):
        pass
    asked.refresh_from_db()
    assert "4 recordings came back." in asked.message
    assert_clean()


def test_undo_that_is_killed_at_any_moment_is_carried_on(olds, make_policy, small_steps):
    asked = ask(run(make_policy()), by="boris")
    kills = 0
    for at in range(3, 80, 4):
        pid = children.fork(partial(carry_on_until, at, asked.pk))
        kills += children.ended(pid) == -signal.SIGKILL
        asked.refresh_from_db()
        assert Recording.objects.live().count() == asked.restored

    while carry_on(asked.pk):
        pass
    asked.refresh_from_db()
    assert kills >= 2
    assert "4 recordings came back." in asked.message
    assert_clean()


def carry_on_until(at: int, pk: int) -> None:
    with Moments(at, die).watched():
        carry_on(pk)


def test_task_that_is_delivered_twice_does_no_harm(olds, make_policy, small_steps):
    asked = ask(run(make_policy()), by="boris")
    threads = [Thread(target=deliver, args=[asked.pk]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while carry_on(asked.pk):
        pass

    asked.refresh_from_db()
    assert (asked.state, asked.restored) == ("undone", 4)
    assert "4 recordings came back." in asked.message
    assert not carry_on(asked.pk)
    assert_clean()


def deliver(pk: int) -> None:
    try:
        tasks.undo(pk)
    finally:
        connection.close()


def test_run_that_is_being_undone_is_not_pruned(olds, make_policy, small_steps):
    policy = make_policy()
    asked = ask(run(policy), by="boris")
    run(policy)

    assert asked not in former()


def test_what_cannot_be_undone_says_why(olds, make_policy, make_recording):
    plan = run(make_policy(), Mode.PLAN)
    deleted = run(make_policy(name="b", action="delete"))
    asked = runs.ask(make_policy(name="c"), mode=Mode.EXECUTE, by="anna")

    assert runs.cancel(asked, by="anna")  # before it began
    for one in (plan, deleted, asked):
        with pytest.raises(RetentionError):
            undo(one, by="boris")


def test_undo_by_the_api_and_the_admin(olds, make_policy, admin_api, desk):  # noqa: F811
    policy = make_policy()
    first = run(policy)

    answer = admin_api.post(f"/api/runs/{first.pk}/undo")
    again = admin_api.post(f"/api/runs/{first.pk}/undo")
    while carry_on(first.pk):
        pass

    assert (answer.status_code, answer.json()["state"]) == (200, "undone")
    assert again.status_code == 409
    assert admin_api.get(f"/api/runs/{first.pk}").json()["state"] == "undone"
    second = run(policy)
    address = f"/admin/retention/retentionrun/{second.pk}"
    assert "/undo/" in desk.get(f"{address}/change/").content.decode()
    asked = desk.post(f"{address}/undo/", follow=True)
    assert "brought back" in said(asked)
    assert "0 of 4 looked at" in asked.content.decode()
    assert "HX-Refresh" not in desk.get(f"{address}/progress/")
    while carry_on(second.pk):
        pass
    assert desk.get(f"{address}/progress/")["HX-Refresh"] == "true"
    assert "4 recordings came back" in desk.get(f"{address}/change/").content.decode()
    assert Recording.objects.live().count() == 4
