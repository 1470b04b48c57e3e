"""Nothing early, nothing twice, nothing forgotten: beat down, clocks changed, schedules edited."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connections
from django_celery_beat.models import PeriodicTask

from recordings.ledger import clock
from retention import schedule, tasks
from retention.calendar import next_crontab
from retention.clock import database_now
from retention.models import RetentionPolicy, RetentionRun
from tests.clocks import both_clocks

ZONES = (
    "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Dhaka", "Australia/Lord_Howe",
)  # fmt: skip
YEAR = 2027  # all of it lies ahead of the database's own clock
DAY = timedelta(days=1)


# --- the calendar alone, a whole year of it


def through_the_year(line: str, zone: ZoneInfo) -> Iterator[datetime]:
    moment = datetime(YEAR, 1, 1, tzinfo=zone) - timedelta(microseconds=1)
    while (found := next_crontab(line, zone, moment)) and found.astimezone(zone).year == YEAR:
        yield found
        moment = found


def first_time(day: date, wall: time, zone: ZoneInfo) -> datetime | None:
    """Find a wall time by looking at every minute of the day; None where clocks skip it."""
    start = datetime.combine(day, time(), tzinfo=zone).astimezone(UTC) - timedelta(hours=2)
    for minute in range(28 * 60):
        found = (start + timedelta(minutes=minute)).astimezone(zone)
        if found.date() == day and (found.hour, found.minute) == (wall.hour, wall.minute):
            return found.astimezone(UTC)
    return None


@pytest.mark.parametrize("wall", [time(2, 30), time(2, 15), time(1, 30)], ids=str)
@pytest.mark.parametrize("zone", ZONES)
def test_every_day_of_a_year_has_its_one_run_at_its_time(zone, wall):
    place = ZoneInfo(zone)

    found = list(through_the_year(f"{wall.minute} {wall.hour} * * *", place))

    days = [moment.astimezone(place).date() for moment in found]
    assert days == [date(YEAR, 1, 1) + n * DAY for n in range(365)]
    for moment, day in zip(found, days, strict=True):
        local = moment.astimezone(place)
        if (local.hour, local.minute) != (wall.hour, wall.minute):  # in the gap: late, never early
            assert first_time(day, wall, place) is None
            assert (
                timedelta(0)
                < local.replace(tzinfo=None) - datetime.combine(day, wall)
                <= (timedelta(hours=1))
            )
        elif (moment - timedelta(hours=1)).astimezone(place).utcoffset() != local.utcoffset():
            assert first_time(day, wall, place) == moment


@pytest.mark.parametrize(
    ("zone", "changes"),
    [("Europe/Berlin", ((3, 28), (10, 31))), ("America/New_York", ((3, 14), (11, 7)))],
)
def test_every_hour_has_its_one_run_through_both_changes(zone, changes):
    for month, day in changes:
        moment = datetime(YEAR, month, day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        for hour in range(1, 48):
            found = next_crontab("0 * * * *", ZoneInfo(zone), moment)
            assert found == moment + timedelta(hours=1), hour
            moment = found


# --- the site, with time passing


@pytest.fixture
def move_to(monkeypatch, transactional_db):
    """Let time pass until a moment, for the database and for the process."""
    clock._watch.forget()
    with both_clocks(monkeypatch) as move:
        yield move
    clock._watch.forget()


def ring_all() -> int:
    """Ring for everything as an eager beat does, due or not; return how many runs that made."""
    return sum(tasks.ring(pk) for pk in RetentionPolicy.objects.values_list("pk", flat=True))


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", date(2027, 3, 28)),
        ("Europe/Berlin", date(2027, 10, 31)),
        ("America/New_York", date(2027, 11, 7)),
        ("Australia/Lord_Howe", date(2027, 4, 4)),
        ("Asia/Dhaka", date(2027, 3, 28)),
    ],
)
def test_clocks_change_and_each_night_has_its_one_run(move_to, make_policy, zone, day):
    noon = datetime.combine(day - DAY, time(12), tzinfo=ZoneInfo(zone)).astimezone(UTC)
    move_to(noon)
    make_policy("jobs", crontab="30 2 * * *", timezone=zone)
    ran = []

    for quarter in range(36 * 2):  # a day and a half, every half hour
        move_to(noon + quarter * timedelta(minutes=30) + timedelta(seconds=1))
        if ring_all():
            ran.append(database_now().astimezone(ZoneInfo(zone)))
    assert ring_all() == 0

    (once,) = ran
    late = once.replace(tzinfo=None) - datetime.combine(day, time(2, 30))
    assert timedelta(0) <= late <= timedelta(hours=1, seconds=5)


def test_beat_that_was_down_over_the_time_catches_up_once(move_to, make_policy):
    move_to(datetime(2027, 1, 10, 1, tzinfo=UTC))
    policy = make_policy("jobs", crontab="0 3 * * *")
    tasks.beat_started()

    move_to(datetime(2027, 1, 12, 8, tzinfo=UTC))  # two nights without beat
    tasks.beat_started()
    assert schedule.due() == [policy.pk]
    assert [ring_all() for _ in range(3)] == [1, 0, 0]

    policy.refresh_from_db()
    assert policy.next_due_at == datetime(2027, 1, 13, 3, tzinfo=UTC)
    for hour in (9, 23, 26):  # and beat's own idea that 01:00 is due, too
        move_to(datetime(2027, 1, 12, tzinfo=UTC) + timedelta(hours=hour))
        assert ring_all() == 0
    move_to(datetime(2027, 1, 13, 3, 0, 1, tzinfo=UTC))
    assert [ring_all() for _ in range(2)] == [1, 0]


def at(hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(2027, 1, 10, hour, minute, second, tzinfo=UTC)


def test_schedule_edited_at_second_59_rings_by_the_new_one_alone(move_to, make_policy):
    move_to(at(1, 0))
    policy = make_policy("jobs", crontab="30 2 * * *")

    move_to(at(2, 29, 59))
    policy.crontab = "31 2 * * *"
    policy.save()
    move_to(at(2, 30, 1))
    assert ring_all() == 0, "the former time rings, and the policy says no"
    move_to(at(2, 30, 59))
    policy.crontab = "30 2 * * *"
    policy.save()
    move_to(at(2, 31, 1))
    assert ring_all() == 0, "half past is over for today"

    policy.refresh_from_db()
    assert policy.next_due_at == at(2, 30) + DAY


def test_edit_that_leaves_the_schedule_alone_moves_no_run(move_to, make_policy):
    move_to(at(1, 0))
    policy = make_policy("jobs", crontab="30 2 * * *")

    move_to(at(2, 29, 59))
    policy.name = "Renamed a second before"
    policy.save()

    move_to(at(2, 30, 1))
    assert [ring_all() for _ in range(5)] == [1, 0, 0, 0, 0]


@pytest.mark.django_db(transaction=True)
def test_two_edits_at_once_end_with_what_the_row_says(make_policy):
    policy = make_policy("jobs", every_seconds=3600)
    together = threading.Barrier(2)

    def edit(seconds: int) -> None:
        try:
            mine = RetentionPolicy.objects.get(pk=policy.pk)
            together.wait()
            mine.every_seconds = seconds
            mine.save()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=edit, args=[seconds]) for seconds in (7200, 10800)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    policy.refresh_from_db()
    task = PeriodicTask.objects.get(name=f"retention policy {policy.pk}")
    assert task.interval.every == policy.every_seconds
    wait = policy.next_due_at - database_now()
    assert abs(wait.total_seconds() - policy.every_seconds) < 60
    assert not RetentionRun.objects.exists()
