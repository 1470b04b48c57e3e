"""The policy of the scratch area, on what jobs leave there and what they never would."""

from __future__ import annotations

import os

import pytest

from recordings.processing.scratch import scratch
from tests.retention.conftest import age, run

pytestmark = pytest.mark.django_db


@pytest.fixture
def area(settings):
    place = settings.SCRATCH_ROOT / "user_4/video/temp_processing"
    place.mkdir(parents=True)
    return place


def test_what_a_crash_left_goes_and_the_live_job_stays(area, make_policy):
    (area / "142_temp_9f").mkdir()
    age(_file(area / "142_temp_9f/half"), days=2)
    age(area / "142_temp_9f", days=2)

    with scratch(4, 143, "mp4") as mine:
        done = run(make_policy("scratch", max_age_seconds=0))

        assert mine.work.exists()
    assert (done.deleted, done.skipped, done.bytes_freed) == (1, 1, 100)
    assert not (area / "142_temp_9f").exists()
    item = done.items.get(outcome="deleted")
    assert (item.owner_id, item.recording_id) == (4, 142)


def test_odd_names_stop_nothing(area, settings, make_policy):
    odd = os.fsencode(area) + b"/142_temp_\xff.mp4"
    with open(odd, "wb"):
        pass
    os.utime(odd, (0, 0))
    age(_file(area / f"{'9' * 30}_temp_x"), days=2)
    giant = settings.SCRATCH_ROOT / f"user_{'9' * 30}/video/temp_processing"
    giant.mkdir(parents=True)
    age(_file(giant / "1_temp_x"), days=2)

    done = run(make_policy("scratch"))

    assert (done.state, done.deleted, done.failed) == ("succeeded", 2, 0)
    assert list(area.iterdir()) == []
    assert (giant / "1_temp_x").exists()


def _file(path):
    path.write_bytes(bytes(100))
    return path
