"""What an owner had fetched, and how, goes with him."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from recordings import closing
from recordings.closing import close_account, continue_closures
from recordings.ledger.models import Account
from recordings.ledger.purge import purge
from recordings.models import Closure, Job, Recording
from recordings.processing import work
from tests.api.conftest import HEAD, mp4
from tests.conftest import assert_clean
from tests.imports.server import head
from tests.recordings.scenes import assert_nothing_but, until, worker

pytestmark = pytest.mark.django_db(transaction=True)

START = head("Content-Length: 9999999") + HEAD + b"\0" * 5_000_000
URL = "https://talks.example/talk.mp4"


@pytest.mark.parametrize("at_once", [True, False])
def test_closing_an_account_stops_imports_that_wait(ask, owner, administrator, at_once):
    ask(URL)

    close_account(owner, by="anna", at_once=at_once)
    continue_closures()

    assert not get_user_model().objects.filter(pk=owner.pk).exists()
    assert not Job.objects.exists()


def test_closing_an_account_stops_an_import_under_way(server, ask, owner, administrator):
    job = ask(server.does(server.falls_silent(START)))

    with worker(job.pk) as end:
        until(Recording.objects.exists)
        closure = close_account(owner, by="anna", at_once=True)
        closing.step(closure)
        closure.refresh_from_db()
        assert closure.message == "Waiting for uploads and jobs to stop."
        assert end() == "cancelled"
    purge()
    continue_closures()

    assert Closure.objects.get().finished_at is not None
    assert not Job.objects.exists()
    assert_nothing_but(set())


def test_import_that_ends_while_its_account_is_closed_brings_nothing_in(
    server, ask, owner, administrator, monkeypatch
):
    job = ask(server.serves(mp4()))
    monkeypatch.setattr(closing, "stop_jobs", lambda closure: None)
    Account.objects.of(owner.pk)
    close_account(owner, by="anna", at_once=True)

    assert work.carry_out(job.pk) == "failed"
    assert_nothing_but(set())


def test_user_who_is_deleted_takes_his_imports_along(server, ask, owner):
    done = ask(server.url("/none"))
    work.carry_out(done.pk)
    waiting = ask(URL)

    owner.delete()

    assert not Job.objects.exists()
    assert work.carry_out(waiting.pk) == "not ours"
    assert_clean()


def test_user_deleted_while_his_import_comes_in_is_refused_until_it_is_over(server, ask, owner):
    from django.db.models.deletion import ProtectedError

    job = ask(server.does(server.falls_silent(START)))

    with worker(job.pk) as end:
        until(Recording.objects.exists)
        with pytest.raises(ProtectedError):
            owner.delete()
        Job.objects.get().request_cancel()
        assert end() == "cancelled"
    owner.delete()

    assert_nothing_but(set())
