"""The maintenance log: a file a day, thirty kept, nothing lost, and old ones gone by policy."""

from __future__ import annotations

import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
import time_machine

from mediasite.logs import MaintenanceFile
from retention import rotation
from tests.retention.conftest import age, run

TODAY = date(2026, 11, 21)
WRITERS, LINES = 8, 400
WRITER = """
import logging, sys, time
exec(compile(open(sys.argv[1]).read(), sys.argv[1], "exec"))
log = logging.getLogger("mediasite.maintenance")
log.addHandler(MaintenanceFile(sys.argv[2]))
for number in range(int(sys.argv[4])):
    log.warning("2026-11-20 writer %s line %s", sys.argv[3], number)
    time.sleep(0.0005)
"""


@pytest.fixture
def logs(folders):
    return folders / "logs"


def write(logs, *lines):
    with (logs / "maintenance.log").open("a") as log:
        log.writelines(f"{line}\n" for line in lines)


def names(logs):
    return sorted(path.name for path in logs.iterdir())


def test_log_of_yesterday_gets_its_day_for_a_name(logs):
    write(logs, "2026-11-20 02:00:00,123 INFO sweep deleted something")

    assert rotation.rotate(TODAY) == "maintenance.log.2026-11-20"
    assert rotation.rotate(TODAY) is None

    assert names(logs) == ["maintenance.log.2026-11-20"]
    assert "sweep deleted" in (logs / "maintenance.log.2026-11-20").read_text()


def test_log_of_today_goes_on(logs):
    write(logs, "2026-11-21 00:00:01,000 INFO sweep began")

    assert rotation.rotate(TODAY) is None
    assert names(logs) == ["maintenance.log"]


@pytest.mark.parametrize("present", [False, True])
def test_missing_or_empty_log_is_no_fault(logs, present):
    if present:
        (logs / "maintenance.log").touch()

    assert rotation.rotate(TODAY) is None


def test_missing_folder_is_no_fault(logs):
    logs.rmdir()

    assert rotation.rotate(TODAY) is None


def test_line_without_a_date_counts_by_the_last_change(logs):
    write(logs, "Traceback (most recent call last):")

    assert rotation.rotate(TODAY) is None
    assert rotation.rotate(date.today() + timedelta(days=1)) is not None  # noqa: DTZ011


def test_second_log_of_a_day_overwrites_nothing(logs):
    write(logs, "2026-11-20 first")
    rotation.rotate(TODAY)
    write(logs, "2026-11-20 second")

    assert rotation.rotate(TODAY) == "maintenance.log.2026-11-20.2"
    assert (logs / "maintenance.log.2026-11-20").read_text() == "2026-11-20 first\n"


def test_crash_between_the_names_is_mended(logs):
    write(logs, "2026-11-20 only once")
    (logs / "maintenance.log.2026-11-20").hardlink_to(logs / "maintenance.log")

    assert rotation.rotate(TODAY) == "maintenance.log.2026-11-20"
    assert names(logs) == ["maintenance.log.2026-11-20"]


def test_link_in_place_of_the_log_is_left(logs, folders):
    (folders / "theirs").write_text("2026-11-20 not ours")
    (logs / "maintenance.log").symlink_to(folders / "theirs")

    assert rotation.rotate(TODAY) is None
    assert (logs / "maintenance.log").is_symlink()


def test_thirty_logs_are_kept_and_nothing_else_goes(logs):
    (logs / "maintenance.log.old").write_text("somebody's copy")
    for days in range(40, 0, -1):
        day = TODAY - timedelta(days=days)
        write(logs, f"{day} a line")
        rotation.rotate(day + timedelta(days=1))

    kept = [name for name in names(logs) if name != "maintenance.log.old"]
    assert len(kept) == 30
    assert (kept[0], kept[-1]) == ("maintenance.log.2026-10-22", "maintenance.log.2026-11-20")
    assert (logs / "maintenance.log.old").exists()


def test_writer_goes_on_in_a_new_file(logs):
    handler = MaintenanceFile(logs / "maintenance.log")
    log = logging.getLogger("alone")
    log.addHandler(handler)
    log.warning("2026-11-20 before")
    rotation.rotate(TODAY)
    log.warning("2026-11-21 after")
    handler.close()

    assert (logs / "maintenance.log.2026-11-20").read_text() == "2026-11-20 before\n"
    assert (logs / "maintenance.log").read_text() == "2026-11-21 after\n"


def test_eight_processes_lose_no_line_through_rotations(logs, settings):
    source = settings.BASE_DIR / "mediasite/logs.py"
    arguments = [source, logs / "maintenance.log"]
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, *arguments, str(number), str(LINES)])
        for number in range(WRITERS)
    ]

    def rotate() -> int:
        rotations = 0
        while any(writer.poll() is None for writer in writers):
            rotations += rotation.rotate(TODAY) is not None
        return rotations

    with ThreadPoolExecutor(2) as pool:  # of two rotators one stands back
        both = [pool.submit(rotate) for _ in range(2)]
        rotations = sum(each.result() for each in both)

    written = [line for path in logs.iterdir() for line in path.read_text().splitlines()]
    wanted = {
        f"2026-11-20 writer {writer} line {line}"
        for writer in range(WRITERS)
        for line in range(LINES)
    }
    assert [writer.returncode for writer in writers] == [0] * WRITERS
    assert rotations > 10
    assert len(written) == len(wanted)
    assert set(written) == wanted


@pytest.mark.django_db(transaction=True)
def test_tick_rotates(logs):
    from retention import tasks

    with time_machine.travel("2026-11-21T00:00:10Z", tick=True):
        write(logs, "2026-11-20 23:59:59,999 INFO the last line")
        tasks.tick()

    assert names(logs) == ["maintenance.log.2026-11-20"]


@pytest.mark.django_db(transaction=True)
def test_old_logs_go_by_policy_and_the_current_one_never(logs, make_policy):
    for name in ("maintenance.log", "maintenance.log.2026-10-01", "other.log", "x.2026-10-01"):
        (logs / name).write_text("lines")
        age(logs / name, days=40)
    (logs / "maintenance.log.2026-11-20").write_text("lines")
    (logs / "maintenance.log.2026-09-01").symlink_to(logs / "other.log")

    done = run(make_policy("logs", max_age_seconds=30 * 86400))

    assert (done.matched, done.deleted, done.bytes_freed) == (1, 1, 5)
    assert names(logs) == [
        "maintenance.log", "maintenance.log.2026-09-01", "maintenance.log.2026-11-20",
        "other.log", "x.2026-10-01",
    ]  # fmt: skip
