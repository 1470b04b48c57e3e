"""What runs tell of themselves."""

from __future__ import annotations

import logging

import pytest

from recordings.holds import hold_recording
from retention import runs, sweep, words
from retention.choices import Mode
from retention.impact import impact
from retention.models import RetentionRun
from tests.retention.conftest import make_old, run

pytestmark = pytest.mark.django_db(transaction=True)


def test_removals_and_the_whole_are_logged(make_policy, scratch_file, caplog):
    caplog.set_level(logging.INFO, "mediasite.maintenance")
    scratch_file("user_4/video/temp_processing/142_temp_9f.mp4", hours=26.3)

    done = run(make_policy("scratch"))

    lines = [r.getMessage() for r in caplog.records if r.name == "mediasite.maintenance"]
    assert lines[0] == (
        "sweep deleted user_4/video/temp_processing/142_temp_9f.mp4 (100 bytes, 26.3 h old) "
        f"policy=old-scratch run={done.pk}"
    )
    assert lines[1].startswith("sweep old-scratch: 1 deleted, 0 failed, 0.0 MB freed in ")


def test_words_of_a_run_that_fills_the_trash_do_not_speak_of_deleting(
    make_recording, make_policy, caplog
):
    caplog.set_level(logging.INFO, "mediasite.maintenance")
    make_old(make_recording())

    run(make_policy())

    line = caplog.records[-1].getMessage()
    assert ": 1 moved to the trash, 0 failed in " in line
    assert "freed" not in line


def test_preview_counts_the_bytes_of_what_would_go(make_recording, make_policy):
    make_old(make_recording(files=1))
    held = make_old(make_recording(files=3))
    hold_recording(held.pk, reason="Case", by="anna")
    policy = make_policy()

    plan = run(policy, mode=Mode.PLAN)

    assert words.going(plan) == "1 would go (0.0 MB), 1 skipped"
    assert plan.bytes_going() == impact(policy).goes.size == 1000


def test_scheduled_runs_that_find_nothing_leave_one_row_and_no_line(
    make_policy, make_recording, caplog
):
    caplog.set_level(logging.INFO, "mediasite.maintenance")
    make_recording()
    policy = make_policy()
    asked = run(policy)

    for _ in range(3):
        sweep.execute(runs.queue(policy, mode=Mode.EXECUTE, by="schedule").pk)
    last = runs.queue(policy, mode=Mode.EXECUTE, by="schedule")
    sweep.execute(last.pk)

    assert {one.pk for one in RetentionRun.objects.all()} == {asked.pk, last.pk}
    assert len([r for r in caplog.records if "sweep" in r.getMessage()]) == 1
