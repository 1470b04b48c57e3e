"""The command cleanup: what it runs, what it prints, how it ends."""

from __future__ import annotations

import io
import json
import logging
import os
import time
from pathlib import Path

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from recordings.models import Recording
from retention import cleanup, runs
from retention.choices import Mode
from retention.models import Figure, RetentionPolicy, RetentionRun, RetentionSwitch
from retention.screen import counts
from tests.retention.conftest import ago, make_old

pytestmark = pytest.mark.django_db

AREA = "user_4/video/temp_processing"


@pytest.fixture(autouse=True)
def only_ours(db):
    """Leave out the policies of targets whose own tests these are not."""
    RetentionPolicy.objects.all().delete()


@pytest.fixture
def stray(settings):
    """Put a file into the scratch area that nobody touched for some hours."""

    def make(hours: float = 30, size: int = 4096, last: str = "142_temp_9f.mp4") -> Path:
        path = settings.SCRATCH_ROOT / AREA / last
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        then = time.time() - hours * 3600
        os.utime(path, (then, then))
        return path

    return make


@pytest.fixture
def scratch(make_policy):
    return make_policy("scratch", slug="scratch", name="Scratch")


def command(*flags):
    """Return the exit code and what was printed."""
    out = io.StringIO()
    try:
        call_command("cleanup", *flags, stdout=out, stderr=io.StringIO())
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


def report(*flags):
    code, printed = command("--json", *flags)
    return code, json.loads(printed)


def part(found, name):
    return next(one for one in found["parts"] if one["part"] == name)


def test_old_scratch_goes_and_young_stays(scratch, stray):
    old, young = stray(), stray(hours=1, last="143_temp_aa.mp4")

    code, found = report()

    assert (code, found["ok"], found["dry_run"], found["bytes_freed"]) == (0, True, False, 4096)
    assert (old.exists(), young.exists()) == (False, True)
    assert [one["part"] for one in found["parts"]] == ["temp", "logs", "media", "db", "sessions"]
    counts = {"matched": 1, "deleted": 1, "skipped": 0, "failed": 0, "bytes": 4096}
    assert counts.items() <= part(found, "temp").items()
    run = RetentionRun.objects.get()
    assert (run.policy, run.started_by, run.state) == (scratch, "cleanup command", "succeeded")


def test_dry_run_says_exactly_what_would_go_and_removes_nothing(scratch, stray):
    old = stray()

    code, printed = command("--dry-run")
    _code, found = report("--dry-run")

    assert code == 0
    assert f"would go  scratch  {AREA}/142_temp_9f.mp4  4096 bytes" in printed
    assert "temp: 1 would go (0.0 MB), 0 skipped" in printed
    assert "Nothing was removed." in printed
    assert (found["dry_run"], found["bytes_freed"], part(found, "temp")["bytes"]) == (True, 0, 4096)
    assert old.exists()


def test_each_part_has_a_line_with_counts_and_bytes(scratch, stray):
    stray(size=3 * 1024**2)

    _code, printed = command()

    lines = printed.splitlines()
    assert "temp: 1 deleted, 0 skipped, 0 failed, 3.0 MB freed" in lines
    assert "logs: 0 deleted, 0 skipped, 0 failed, 0.0 MB freed" in lines
    assert lines[-1].startswith("3.0 MB freed in ")


@pytest.mark.parametrize("flag", ["--logs-only", "--media-only", "--db-only", "--sessions-only"])
def test_other_parts_leave_scratch_alone(scratch, stray, flag):
    old = stray()

    _code, found = report(flag)

    assert [one["part"] for one in found["parts"]] == [flag[2:].removesuffix("-only")]
    assert old.exists()


def test_recordings_and_trash_leave_by_their_own_policies_alone(make_policy, make_recording):
    make_policy("recordings", max_age_seconds=0)
    make_policy("trash", max_age_seconds=0)
    make_policy("originals", max_age_seconds=0)
    make_old(make_recording())

    report("--aggressive", "--yes")

    assert Recording.objects.live().exists()
    assert not RetentionRun.objects.exists()


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"enabled": False}, "No policy for scratch or"),
        ({"action": "report"}, "No policy for scratch or"),
        ({"max_age_seconds": 60}, "not accepted"),
        ({"target": "moon", "accepted_version": 2}, "No policy for scratch or"),
    ],
)
def test_policy_that_rests_is_left_out_with_a_line(scratch, stray, change, note):
    old = stray()
    RetentionPolicy.objects.update(**change)

    code, printed = command("--temp-only")

    assert (code, old.exists()) == (0, True)
    assert note in printed


def test_policy_of_a_target_that_this_site_lacks_is_left_out_with_a_line(scratch):
    RetentionPolicy.objects.update(target="moon", version=1)

    parts = [cleanup.Part("temp", ("moon",))]
    done = cleanup.clean(parts, dry_run=False, by="anna", tell=lambda doing: None)

    assert done.ok
    assert done.parts[0].notes == ["scratch: This site has no target “moon”, so it was left out."]


def test_policy_that_is_running_is_left_to_that_run(scratch, stray):
    runs.queue(scratch, mode=Mode.EXECUTE, by="anna")
    old = stray()

    code, printed = command()

    assert (code, old.exists()) == (0, True)
    assert "scratch: A run of this policy is under way" in printed


def test_paused_policies_are_run_by_hand_all_the_same(scratch, stray):
    RetentionSwitch.turn(on=False, by="anna")
    old = stray()

    report()

    assert not old.exists()


def test_exit_is_1_when_something_failed(scratch, stray):
    old = stray()
    RetentionPolicy._base_manager.update(scope={"labels": ["x"]})

    code, found = report()

    assert (code, found["ok"], old.exists()) == (1, False, True)
    assert "cannot be narrowed by labels" in part(found, "temp")["notes"][0]


def test_aggressive_asks_and_takes_no_for_an_answer(scratch, stray, monkeypatch):
    old = stray()
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))

    with pytest.raises(CommandError, match="Nothing was done"):
        command("--aggressive")

    assert old.exists()


@pytest.mark.parametrize("answer", ["y\n", "YES\n"])
def test_aggressive_adds_the_cache_when_told_yes(scratch, monkeypatch, answer):
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))

    _code, found = report("--aggressive")

    assert found["parts"][-1]["part"] == "cache"


def test_aggressive_dry_run_asks_nothing(scratch):
    _code, found = report("--aggressive", "--dry-run", "--temp-only")

    assert [one["part"] for one in found["parts"]] == ["temp", "cache"]


def test_two_parts_at_once_are_refused():
    with pytest.raises(CommandError, match="not allowed with"):
        command("--temp-only", "--logs-only")


def test_health_check_ends_with_1_only_when_critical():
    code, printed = command("--health-check")
    assert code == 0
    assert "warning   beat       The scheduler has not been heard of yet" in printed

    Figure.note("audit", "I3", 2)
    code, printed = command("--health-check", "--json")

    assert code == 1
    found = json.loads(printed)
    assert found["status"] == "critical"
    assert {"name", "status", "value", "threshold", "sentence"} == set(found["checks"][0])


def test_health_check_tells_administrators_when_beat_cannot(make_user):
    make_user("mara", email="mara@example.org", is_superuser=True)
    Figure.note("heartbeat", "beat")
    Figure.objects.update(at=ago(minutes=5))

    for _ in range(2):
        assert command("--health-check")[0] == 1

    assert [one.subject for one in mail.outbox] == ["mediasite: beat is critical"]


def test_progress_is_for_terminals_only(scratch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    quiet, screen = io.StringIO(), Terminal()
    call_command("cleanup", stdout=io.StringIO(), stderr=quiet)
    call_command("cleanup", stdout=io.StringIO(), stderr=screen)

    assert quiet.getvalue() == ""
    assert "temp: scratch" in screen.getvalue()


def test_removals_are_told_to_the_log_and_not_to_standard_error(scratch, stray, caplog):
    stray()

    command()

    assert "mediasite.maintenance" not in {record.name for record in caplog.records}
    assert logging.getLogger("mediasite.maintenance").propagate


def test_terminal_sees_how_far_a_run_is(scratch):
    run = runs.queue(scratch, mode=Mode.EXECUTE, by="cleanup command")
    assert counts("cleanup command") == ""

    RetentionRun.objects.filter(pk=run.pk).update(
        state="running", matched=5000, deleted=1200, failed=1
    )

    assert counts("cleanup command") == ", 1201 of 5000"


def test_second_cleanup_finds_nothing(scratch, stray):
    stray()
    report()

    _code, found = report()

    assert part(found, "temp")["matched"] == 0
