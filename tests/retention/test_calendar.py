"""Schedules in their own time zone, across the changes of clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.calendar import next_crontab, next_interval, parse

FIRST, LAST = datetime.fromisoformat("2024-01-01"), datetime.fromisoformat("2030-01-01")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def times(line: str, zone: str, start: str, count: int) -> list[str]:
    found, moment = [], at(start)
    for _ in range(count):
        moment = next_crontab(line, ZoneInfo(zone), moment)
        found.append(f"{moment:%d %H:%M}")
    return found


def test_daily_time_follows_the_wall_clock_into_summer():
    assert times("0 2 * * *", "America/Sao_Paulo", "2026-01-01 00:00", 2) == [
        "01 05:00",
        "02 05:00",
    ]
    assert times("0 12 * * *", "Europe/Berlin", "2026-03-28 00:00", 3) == [
        "28 11:00",
        "29 10:00",
        "30 10:00",
    ]


@pytest.mark.parametrize(
    ("zone", "line", "start", "expected"),
    [
        ("Europe/Berlin", "30 2 * * *", "2026-03-28 00:00", ["28 01:30", "29 01:30", "30 00:30"]),
        (
            "America/New_York",
            "30 2 * * *",
            "2026-03-07 00:00",
            ["07 07:30", "08 07:30", "09 06:30"],
        ),
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03 00:00", ["03 15:45", "04 15:15"]),
    ],
)
def test_time_in_the_gap_is_made_up_for_once(zone, line, start, expected):
    assert times(line, zone, start, len(expected)) == expected


@pytest.mark.parametrize(
    ("zone", "start"),
    [("Europe/Berlin", "2026-10-24 12:00"), ("America/New_York", "2026-10-31 12:00")],
)
def test_repeated_hour_runs_a_daily_policy_once(zone, start):
    moment, found = at(start), []
    for _ in range(3):
        moment = next_crontab(
            "30 1 * * *" if "York" in zone else "30 2 * * *", ZoneInfo(zone), moment
        )
        found.append(moment.astimezone(ZoneInfo(zone)).date())

    assert len(set(found)) == 3


def test_every_hour_means_elapsed_time_through_the_repeated_hour():
    assert times("0 * * * *", "Europe/Berlin", "2026-10-24 23:30", 4) == [
        "25 00:00",
        "25 01:00",
        "25 02:00",
        "25 03:00",
    ]


def test_leap_day_is_found_years_ahead():
    assert next_crontab("0 0 29 2 *", ZoneInfo("UTC"), at("2026-03-01 00:00")) == at(
        "2028-02-29 00:00"
    )


def test_day_that_does_not_come_for_years_has_no_next():
    assert next_crontab("0 0 29 2 1", ZoneInfo("UTC"), at("2026-03-01 00:00")) is None


@pytest.mark.parametrize(
    "text", ["", "* * * *", "61 * * * *", "a b c d e", "* * * * * *", "0 0 31 2 *"]
)
def test_bad_line_is_refused_with_a_sentence(text):
    with pytest.raises(ValueError, match="is no crontab line"):
        parse(text)


@given(
    st.integers(1, 100_000),
    st.datetimes(FIRST, LAST, timezones=st.just(UTC)),
    st.datetimes(FIRST, LAST, timezones=st.just(UTC)),
)
def test_interval_keeps_its_grid(seconds, anchor, after):
    found = next_interval(seconds, anchor, after)

    assert found > after or found == anchor
    assert (found - anchor) % timedelta(seconds=seconds) == timedelta(0)
    assert found <= max(anchor, after + timedelta(seconds=seconds))


@given(
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Chatham"]),
    st.sampled_from(["0 2 * * *", "30 2 * * *", "*/15 * * * *", "0 3 * * 0", "5 1 1 * *"]),
    st.datetimes(FIRST, LAST, timezones=st.just(UTC)),
)
def test_next_is_later_and_nothing_lies_between(zone, line, after):
    found = next_crontab(line, ZoneInfo(zone), after)

    assert found > after
    assert next_crontab(line, ZoneInfo(zone), found - timedelta(microseconds=1)) == found
