"""Whoever holds a lease is known for certain to be dead, or counts as alive."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from recordings.ledger import leases
from recordings.ledger.models import Lease

MINUTE = timedelta(minutes=1)


@pytest.fixture
def child():
    """A living process and the name it holds leases under."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process, f"{leases._here()}/{process.pid}/{leases._started(process.pid)}"
    if process.poll() is None:
        process.kill()
    process.wait()


def test_this_process_lives():
    assert not leases.is_gone(leases.holder())


def test_living_child_is_not_gone(child):
    assert not leases.is_gone(child[1])


def test_stopped_child_is_not_gone(child):
    process, name = child
    os.kill(process.pid, signal.SIGSTOP)

    assert not leases.is_gone(name)


def test_killed_child_is_gone_even_before_it_is_reaped(child):
    process, name = child
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    assert leases.is_gone(name)
    process.wait()
    assert leases.is_gone(name)


def test_another_process_with_the_same_number_is_not_the_same():
    name, _, started = leases.holder().rpartition("/")

    assert leases.is_gone(f"{name}/{int(started) - 1}")


@pytest.mark.parametrize("name", ["", "x", "other/4026531836/boot/1/2", "///", "a/b/c/d/e/f"])
def test_nothing_is_said_about_other_machines_and_unreadable_names(name):
    assert not leases.is_gone(name)


def test_forked_child_has_a_name_of_its_own():
    ours, (read, write) = leases.holder(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write, leases.holder().encode())
        os._exit(0)
    os.waitpid(pid, 0)

    theirs = os.read(read, 1000).decode()

    assert theirs != ours
    assert leases.is_gone(theirs)


@pytest.mark.django_db(transaction=True)
class TestNamedLease:
    def test_one_at_a_time(self):
        token = leases.take("purge", MINUTE)

        assert token is not None
        assert leases.take("purge", MINUTE) is None
        assert leases.take("other", MINUTE) is not None

    def test_given_back_it_is_free(self):
        leases.give("purge", leases.take("purge", MINUTE))

        assert leases.take("purge", MINUTE) is not None

    def test_lapsed_lease_passes_on_and_cannot_be_renewed(self):
        token = leases.take("purge", MINUTE)
        Lease.objects.update(lease_until=Now() - MINUTE)

        second = leases.take("purge", MINUTE)

        assert second is not None
        assert not leases.renew("purge", token, MINUTE)
        assert leases.renew("purge", second, MINUTE)

    def test_lease_of_a_dead_process_is_free_at_once(self, child):
        process, name = child
        leases.take("purge", MINUTE)
        Lease.objects.update(claimed_by=name)
        assert leases.take("purge", MINUTE) is None

        process.kill()
        process.wait()

        assert leases.take("purge", MINUTE) is not None

    def test_late_giver_does_not_take_it_from_the_next(self):
        token = leases.take("purge", MINUTE)
        Lease.objects.update(lease_until=Now() - MINUTE)
        second = leases.take("purge", MINUTE)

        leases.give("purge", token)

        assert leases.renew("purge", second, MINUTE)
