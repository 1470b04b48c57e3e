"""`manage.py up`: the whole site starts, tells what is in the way, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from mediasite.management.commands.up import passwords
from tests.site.processes import ROOT, Site, living, until

SLEEPING = "sleep\0004711.5"  # the command line of the stand-in for an encode
ENCODER = """
from threading import Event
from recordings.processing.child import Limits, run
run(["sleep", "4711.5"], stop=Event(), timeout=600, limits=Limits())
"""
SUPERVISED = f"""
import sys
from mediasite.supervisor import Child, Supervisor
Supervisor([Child("worker", [sys.executable, "-c", {ENCODER!r}])]).run()
"""
FIRST = {"ADMIN_PASSWORD": "given for the admin", "DEMO_PASSWORD": ""}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for the tests that leave it running."""
    running = Site(tmp_path_factory.mktemp("site"), values=FIRST)
    try:
        yield running.wait_until_ready().wait_for_workers()
    finally:
        running.end()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    started: list[Site] = []

    def start(**values: str) -> Site:
        started.append(Site(tmp_path / "site", values=values))
        return started[-1]

    yield start
    for running in started:
        running.end()


def test_first_start_marks_the_storage_before_anything_is_in_it(site: Site) -> None:
    assert (site.data_dir / "media" / ".mediasite-identity").is_file()


def users(site: Site) -> dict[str, tuple[bool, str]]:
    with sqlite3.connect(site.data_dir / "db.sqlite3") as database:
        rows = database.execute("SELECT username, is_superuser, password FROM auth_user")
        return {name: (bool(superuser), password) for name, superuser, password in rows}


def outcome(site: Site, **values: str) -> tuple[int, str]:
    """Exit status and output of another start that should not get far."""
    process = site.up(**values)
    output, _ = process.communicate(timeout=60)
    return process.returncode, output


def test_site_answers(site):
    assert site.get("/healthz") == 200


def test_first_start_makes_an_admin_with_the_password_given(site):
    superuser, password = users(site)["admin"]

    assert superuser
    assert PBKDF2PasswordHasher().verify(FIRST["ADMIN_PASSWORD"], password)
    assert not site.said(FIRST["ADMIN_PASSWORD"])


def test_first_start_makes_up_a_password_for_demo_and_says_it(site):
    superuser, password = users(site)["demo"]
    (line,) = [line for line in site.lines if "User demo" in line]

    assert not superuser
    assert PBKDF2PasswordHasher().verify(line.partition("the password ")[2].split()[0], password)


def test_everything_lies_below_data_dir(site):
    names = {path.name for path in site.data_dir.iterdir()}

    assert {"db.sqlite3", "media", "scratch", "logs", "broker", "cache", "managed"} <= names


def test_every_line_says_whose_it_is(site):
    names = {line.partition("|")[0].strip() for line in site.lines}

    assert names == {"up", "web", "processing", "upkeep", "beat"}


def test_second_start_on_the_same_folder_is_refused(site):
    status, output = outcome(site, PORT="0")

    assert status == 1
    assert f"already running on {site.data_dir}" in output
    assert "Traceback" not in output


def test_taken_port_is_named(site, tmp_path):
    other = Site(tmp_path / "other", port=site.port)
    status = other.process.wait(timeout=60)

    assert status == 1
    assert until(lambda: other.said(f"Port {site.port} is taken by another program"))
    assert not other.said("Traceback")


def test_data_dir_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    refused = Site(tmp_path / "file" / "below")
    status = refused.process.wait(timeout=60)

    assert status == 1
    assert until(lambda: refused.said("cannot be written to"))
    assert not refused.said("Traceback")


def test_process_that_dies_is_started_again(site):
    before = site.members()
    (worker,) = [pid for pid in before if "upkeep@" in command_of(pid)]

    os.kill(worker, signal.SIGKILL)

    assert until(lambda: site.said("ended with signal SIGKILL; it is started again"))
    assert until(lambda: any("upkeep@" in command_of(pid) for pid in site.members() - before))


def test_demo_0_leaves_demo_out(start):
    site = start(DEMO="0")

    assert until(lambda: site.said("Starting the web server"))
    assert set(users(site)) == {"admin"}


def test_sigterm_ends_everything_within_ten_seconds(start):
    site = start(DEMO="0").wait_until_ready().wait_for_workers()
    begun = time.monotonic()

    site.process.terminate()
    status = site.process.wait(timeout=60)

    assert time.monotonic() - begun < 10
    assert status == 0
    assert site.members() == set()


def test_start_after_ctrl_c_is_quick_and_keeps_the_users(start):
    first = start(DEMO="0").wait_until_ready()
    made = users(first)
    first.process.send_signal(signal.SIGINT)
    assert first.process.wait(timeout=60) == 0

    second = start(ADMIN_PASSWORD="another", DEMO="0")

    assert until(lambda: second.said("Starting the web server"))
    assert seconds_worked(second.process.pid) < 3
    assert users(second) == made
    assert not second.said("with the password")


def test_kill_9_leaves_no_process_and_the_next_start_works(start):
    site = start().wait_until_ready().wait_for_workers()
    # gunicorn and its two workers, two of Celery, beat; and what the first job runs
    assert until(lambda: len(site.members()) >= 6)
    children = site.members()

    site.process.kill()
    following = start()  # at once: it waits for the lock that the dying still hold

    assert until(lambda: not site.members() & children)
    assert until(lambda: following.said("Starting the web server")), "".join(following.lines)


def test_ready_site_says_who_can_sign_in_and_how_to_stop_it(site):
    sentence = "the password of demo is above and you chose the password of admin."
    assert until(lambda: site.said(f"Sign in as admin or demo: {sentence}"))
    assert until(lambda: site.said("Ctrl-C stops everything."))


def test_password_that_was_made_up_is_told_once_and_right_before_the_address(site):
    told = [number for number, line in enumerate(site.lines) if "(shown this once)" in line]
    ready = next(number for number, line in enumerate(site.lines) if "is ready at" in line)

    assert len(told) == 1
    own = [line for line in site.lines[told[0] : ready] if line.startswith("up ")]
    assert len(own) == 2


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({}, "passwords unchanged"),
        ({"admin": "x", "demo": "y"}, "the password of admin and of demo is above"),
        ({"admin": "", "demo": ""}, "you chose the password of admin and of demo"),
    ],
)
def test_where_the_passwords_are_from_is_told(made, said):
    assert passwords(made) == said


def test_worker_says_nothing_of_root(site):
    assert not site.said("superuser")


def test_kill_9_reaches_what_a_worker_has_started():
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISED], cwd=ROOT)
    assert until(lambda: living(SLEEPING))

    supervisor.kill()
    supervisor.wait()

    assert until(lambda: not living(SLEEPING), patience=5)


def seconds_worked(pid: int) -> float:
    """Processor time of a process, which a busy machine does not stretch."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
