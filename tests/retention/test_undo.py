"""A run that moved recordings to the trash is undone as a whole, and nothing beyond it."""

from __future__ import annotations

import pytest

from recordings.models import Recording
from recordings.trash import erase, move_to_trash, restore
from retention import runs
from retention.choices import Mode
from retention.exceptions import RetentionError
from retention.undo import undo
from tests.admin.conftest import desk, said  # noqa: F401  (a fixture among them)
from tests.api.conftest import admin_api  # noqa: F401  (a fixture)
from tests.conftest import assert_clean
from tests.retention.conftest import make_old, run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def olds(make_recording):
    return [make_old(make_recording(files=1)) for _ in range(4)]


def test_run_is_undone_as_a_whole(olds, make_policy, account):
    done = run(make_policy())

    undone = undo(done, by="boris")

    assert undone.state == "undone"
    assert undone.message.startswith("It was undone by boris: 4 recordings came back.")
    assert "takes them again" in undone.message
    assert Recording.objects.live().count() == 4
    assert (account().used, account().in_trash) == (4000, 0)
    assert_clean()


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


def test_undo_that_broke_off_is_carried_on(olds, make_policy, monkeypatch):
    from retention import undo as module

    done = run(make_policy())
    monkeypatch.setattr(module, "BATCH_SIZE", 2)
    close = module._close
    monkeypatch.setattr(module, "_close", lambda *a, **k: (_ for _ in ()).throw(OSError("gone")))
    with pytest.raises(OSError, match="gone"):
        undo(done, by="boris")
    monkeypatch.setattr(module, "_close", close)

    assert "4 recordings came back" in undo(done, by="boris").message


def test_what_cannot_be_undone_says_why(olds, make_policy, make_recording):
    plan = run(make_policy(), Mode.PLAN)
    deleted = run(make_policy(name="b", action="delete"))
    asked = runs.ask(make_policy(name="c"), mode=Mode.EXECUTE, by="anna")

    for one in (plan, deleted, asked):
        with pytest.raises(RetentionError):
            undo(one, by="boris")


def test_undo_by_the_api_and_the_admin(olds, make_policy, admin_api, desk):  # noqa: F811
    policy = make_policy()
    first = run(policy)

    answer = admin_api.post(f"/api/runs/{first.pk}/undo")
    again = admin_api.post(f"/api/runs/{first.pk}/undo")

    assert (answer.status_code, answer.json()["state"]) == (200, "undone")
    assert again.status_code == 409
    second = run(policy)
    page = desk.get(f"/admin/retention/retentionrun/{second.pk}/change/").content.decode()
    assert "/undo/" in page
    done = desk.post(f"/admin/retention/retentionrun/{second.pk}/undo/", follow=True)
    assert "4 recordings came back" in said(done)
    assert Recording.objects.live().count() == 4
