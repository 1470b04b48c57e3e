"""Workers bring back what is asked for from the archive: once each, and again after a crash."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from threading import Thread

import pytest
from django.db import connection
from django.utils import timezone

from recordings import restoring, tasks
from recordings.holds import hold_recording
from recordings.ledger import publish
from recordings.ledger.models import Account
from recordings.ledger.purge import purge
from recordings.models import ArchivedRecording, Recording
from tests import archives
from tests.conftest import assert_clean
from tests.proofs import children
from tests.recordings.test_archive import contents, put_away

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stored(archive, make_recording):
    return [put_away(make_recording(files=2)) for _ in range(3)]


def ask_all() -> int:
    return restoring.ask(ArchivedRecording.objects.all(), by="anna")


def test_asking_copies_nothing_and_workers_take_one_each(stored):
    assert ask_all() == 3
    assert ask_all() == 0
    assert not Recording.objects.exists()

    order = restoring.waiting()
    assert order == sorted(one.pk for one in stored)
    assert tasks.restore_archived(order[0])

    assert Recording.objects.count() == 1
    assert restoring.waiting() == order[1:]
    assert restoring.progress() == {"all": 2, "under_way": 0, "size": 4002, "done": 0}


def test_what_was_not_asked_for_stays(stored):
    assert not restoring.carry_out(stored[0].pk)
    assert ArchivedRecording.objects.count() == 3


def test_what_waits_can_be_called_off(stored):
    ask_all()

    assert restoring.call_off(ArchivedRecording.objects.filter(pk=stored[0].pk)) == 1
    assert not restoring.carry_out(stored[0].pk)
    assert ArchivedRecording.objects.count() == 3


def test_reason_why_not_is_kept_until_somebody_asks_again(stored):
    ask_all()
    hold = hold_recording(stored[0].recording_id, reason="Court case", by="anna")

    assert not restoring.carry_out(stored[0].pk)
    left = ArchivedRecording.objects.get(pk=stored[0].pk)
    assert "Court case" in left.restore_error
    assert stored[0].pk not in restoring.waiting()

    hold.release(by="anna")
    assert ask_all() == 1
    assert restoring.carry_out(stored[0].pk)


def test_quota_is_a_reason_too(stored):
    ask_all()
    Account.objects.update(own_limit=2500, uses_default_limit=False)

    done = [restoring.carry_out(pk) for pk in restoring.waiting()]

    assert done == [True, False, False]
    errors = ArchivedRecording.objects.values_list("restore_error", flat=True)
    assert all(error.endswith("have an administrator give you more room.") for error in errors)


def deliver(pk: int, done: list[bool]) -> None:
    try:
        done.append(tasks.restore_archived(pk))
    finally:
        connection.close()


def test_message_that_comes_twice_is_done_once(stored):
    ask_all()
    done: list[bool] = []
    threads = [Thread(target=deliver, args=[stored[0].pk, done]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(done) == [False, True]
    assert Recording.objects.count() == 1
    purge()
    assert_clean()


def killed_after(files: int, pk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore in a child that is killed -9 when so many files are copied."""
    left = [files]

    def counting(mine: object) -> Callable[[int], None]:
        def count(size: int) -> None:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

        return count

    with monkeypatch.context() as patched:
        patched.setattr(restoring, "_counting", counting)
        assert children.ended(children.fork(lambda: restoring.carry_out(pk))) == -signal.SIGKILL


@pytest.mark.parametrize("files", [1, 2])
def test_restore_that_was_killed_is_begun_anew(
    make_recording, settings, tmp_path, monkeypatch, files
):
    archives.use_folder(settings, tmp_path / "archive")
    recording = make_recording(files=2)
    before = contents(recording)
    archived = put_away(recording)
    ask_all()

    killed_after(files, archived.pk, monkeypatch)

    assert not Recording.objects.exists()
    assert restoring.waiting() == [archived.pk]
    assert restoring.carry_out(archived.pk)
    publish.recover()
    purge()
    assert contents(Recording.objects.get()) == before
    assert_clean()


def test_worker_whose_lease_went_to_another_stops(stored):
    ask_all()
    past = timezone.now() - timedelta(seconds=1)
    ArchivedRecording.objects.update(restore_claim="1" * 32, restore_until=past)

    assert restoring.carry_out(stored[0].pk)
