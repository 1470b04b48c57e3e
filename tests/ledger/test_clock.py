"""The clock that deadlines go by: believed, doubted, confirmed."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from recordings import tasks
from recordings.ledger import clock
from recordings.ledger.clock import Reading, Watch
from recordings.ledger.models import Clock, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.purge import purge
from recordings.models import Job, Recording, RecordingFile
from recordings.trash import erase
from tests.clocks import both_clocks, database_clock

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)
MONTH = 30 * 86400


@pytest.fixture(autouse=True)
def fresh_process():
    clock._watch.forget()
    yield
    clock._watch.forget()


def went(*, wall: float, other: float, within: float = 0.01) -> str:
    """Take two readings: seconds by the database, and by the clock that nobody sets."""
    start, watch = timezone.now(), Watch()
    assert watch.jumped(Reading(start, 100, 100 + within, 0)) == ""
    later = Reading(start + timedelta(seconds=wall), 100 + other, 100 + other + within, 0)
    return watch.jumped(later)


@pytest.mark.parametrize(
    ("wall", "other"),
    [(15, 15), (15 + 59, 15), (15 - 59, 15), (MONTH, MONTH), (MONTH + 200, MONTH)],
)
def test_clock_that_goes_as_time_does_is_believed(wall, other):
    """The fourth is a laptop that slept for a month: both clocks went on."""
    assert went(wall=wall, other=other) == ""


@pytest.mark.parametrize(
    ("wall", "sentence"),
    [
        (86400 + 15, "The database's clock jumped ahead by 1 day."),
        (15 - 7200, "The database's clock jumped back by 2 hours."),
        (15 + 62, "The database's clock jumped ahead by 1 minute 2 seconds."),
    ],
)
def test_jump_is_told_in_a_sentence(wall, sentence):
    assert went(wall=wall, other=15, within=0) == sentence


def test_database_that_answered_late_has_not_jumped():
    assert went(wall=300, other=15, within=290) == ""


def test_steady_clock_raises_no_doubt_and_is_noted():
    assert [clock.look() for _ in range(3)] == ["", "", ""]

    seen = Clock.objects.get().seen_at
    assert abs(seen - timezone.now()) < timedelta(seconds=20)


@pytest.mark.parametrize("by", [30 * DAY, -30 * DAY], ids=["ahead", "back"])
def test_jump_in_a_live_process_stops_purging_until_it_is_confirmed(recording, stored_names, by):
    erase([recording.pk], by="olga")
    assert clock.look() == ""

    with database_clock(by):
        assert purge().deleted == 0
        assert "Nothing is purged or swept until an administrator confirms" in clock.look()
        tasks.tick()
    assert purge().deleted == 0, "set right again, it is still a person who says so"
    assert len(stored_names()) == 5
    assert StoredFile.objects.filter(state="condemned").count() == 5

    assert clock.confirm(by="anna")
    assert not clock.confirm(by="anna")
    assert purge().deleted == 5
    assert (Clock.objects.get().confirmed_by, clock.look()) == ("anna", "")


def test_clock_behind_what_was_seen_before_the_start_is_doubted():
    Clock.objects.create(pk=1, seen_at=timezone.now() + timedelta(hours=5))

    assert clock.look().startswith("The database's clock stands 5 hours behind")


def test_machine_that_slept_for_a_month_purges_on(recording, stored_names, monkeypatch):
    """A suspended laptop: both clocks went on, though the process did not."""
    erase([recording.pk], by="olga")
    with both_clocks(monkeypatch) as move_to:
        assert clock.look() == ""
        move_to(timezone.now() + 30 * DAY)

        assert purge().deleted == 5
        assert clock.look() == ""


def test_confirmed_jump_is_news_to_no_other_process():
    other = Watch()
    other.jumped(clock._read()[1])
    with database_clock(30 * DAY):
        clock._watch.forget()
        Clock.objects.update(doubt="somebody noticed")
        clock.confirm(by="anna")

        assert other.jumped(clock._read()[1]) == ""
        assert clock.look() == ""


def test_stamped_original_stays_while_the_clock_is_in_doubt(recording):
    RecordingFile.objects.filter(kind=Kind.ORIGINAL).update(leaves_at=timezone.now() + 7 * DAY)
    Job.objects.all().delete()
    clock.look()

    with database_clock(30 * DAY):
        tasks.tick()

    assert Recording.objects.get().file(Kind.ORIGINAL) is not None


def test_commands_say_it_and_one_of_them_goes_on():
    Clock.objects.create(pk=1, seen_at=timezone.now() + timedelta(hours=5))
    said = StringIO()

    with pytest.raises(CommandError, match="5 hours behind"):
        call_command("purge")
    call_command("confirm_clock", stdout=said)
    assert clock.look()
    call_command("confirm_clock", "--confirm", stdout=said)
    call_command("confirm_clock", stdout=said)

    assert "confirm it with --confirm" in said.getvalue()
    assert said.getvalue().endswith("The clock is believed.\n")
    call_command("purge", stdout=said)
