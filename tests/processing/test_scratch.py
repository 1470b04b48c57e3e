from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from datetime import timedelta
from threading import Event

import pytest

from recordings.processing.exceptions import Cancelled
from recordings.processing.scratch import Item, items, look, remove, scratch

NOW, DAY = timedelta(0), timedelta(days=1)


def sweep(older_than: timedelta) -> list[Item]:
    """Remove what is old enough and not in use, as a policy does."""
    due = [item for item in items() if not item.live and item.age >= older_than]
    return [item for item in due if remove(item)]


def everything(root):
    return [path for path in root.rglob("*") if not path.is_dir()]


def test_scratch_has_its_place_and_goes_on_exit(scratch_root):
    with scratch(4, 142, "mp4") as mine:
        mine.fill([b"by", b"tes"], stop=Event())
        place = str(mine.source.relative_to(scratch_root))
        (mine.work / "result").write_text("half")

    shape = r"user_4/video/temp_processing/(142_temp_\w+)/source/\1\.mp4"
    assert re.fullmatch(shape, place)
    assert list((scratch_root / "user_4/video/temp_processing").iterdir()) == []


def test_source_is_alone_in_its_folder():
    with scratch(4, 142, "mp4") as mine:
        mine.fill([b"by", b"tes"], stop=Event())

        assert list(mine.source.parent.iterdir()) == [mine.source]
        assert list(mine.work.iterdir()) == []


@pytest.mark.parametrize("error", [ZeroDivisionError, Cancelled, KeyboardInterrupt])
def test_scratch_goes_on_error_and_cancel(scratch_root, error):
    def fail() -> None:
        with scratch(4, 142, "mp4") as mine:
            (mine.work / "result").write_text("half")
            raise error

    with pytest.raises(error):
        fail()

    assert everything(scratch_root) == []


def test_filling_stops_when_cancelled(scratch_root):
    stop = Event()
    stop.set()

    with pytest.raises(Cancelled), scratch(4, 142, "mp4") as mine:
        mine.fill([b"bytes"], stop=stop)

    assert everything(scratch_root) == []


def test_live_scratch_survives_a_sweep_of_any_age():
    with scratch(4, 142, "mp4") as mine:
        assert [item.live for item in items()] == [True]

        assert sweep(NOW) == []

        assert mine.work.exists()


def test_killed_process_leaves_what_the_next_sweep_takes(scratch_root):
    crashing = (
        "import django, os, signal; from django.conf import settings;"
        f"settings.configure(SCRATCH_ROOT=__import__('pathlib').Path({str(scratch_root)!r}));"
        "from recordings.processing.scratch import scratch;"
        "lease = scratch(4, 142, 'mp4'); mine = lease.__enter__();"
        "(mine.work / 'half').write_bytes(bytes(1000));"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", crashing], check=False, cwd=os.getcwd())

    assert [item.live for item in items()] == [False]
    assert sweep(DAY) == []
    assert [(item.size, item.folder) for item in sweep(NOW)] == [(1000, True)]
    assert list(items()) == []


def test_stray_file_goes_by_age_and_a_young_one_stays(scratch_root):
    area = scratch_root / "user_4/video/temp_processing"
    area.mkdir(parents=True)
    old, young = area / "142_temp_9f.mp4", area / "142_temp_a0.mp4"
    old.write_bytes(bytes(500))
    young.write_bytes(bytes(300))
    os.utime(old, (time.time() - 90_000,) * 2)

    swept = sweep(DAY)

    assert [item.name for item in swept] == ["user_4/video/temp_processing/142_temp_9f.mp4"]
    assert not old.exists()
    assert young.exists()


def test_sweep_touches_nothing_outside_its_area_or_behind_a_link(scratch_root, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "video/temp_processing").mkdir(parents=True)
    (elsewhere / "video/temp_processing/file").write_text("theirs")
    (scratch_root / "notes.txt").write_text("not of our making")
    (scratch_root / "user_5").symlink_to(elsewhere)
    (scratch_root / "user_6/video/temp_processing").mkdir(parents=True)
    (scratch_root / "user_6/video/temp_processing/link").symlink_to(elsewhere)

    assert list(items()) == []
    assert sweep(NOW) == []

    assert (elsewhere / "video/temp_processing/file").exists()
    assert (scratch_root / "notes.txt").exists()


def test_only_what_is_old_enough_is_asked_for_its_lock(scratch_root):
    area = scratch_root / "user_4/video/temp_processing"
    for name in ("142_temp_old", "142_temp_young", "142_temp_young_inside"):
        (area / name).mkdir(parents=True)
        (area / name / "work").write_bytes(bytes(100))
    yesterday = time.time() - 90_000
    for name in ("142_temp_old/work", "142_temp_old", "142_temp_young_inside"):
        os.utime(area / name, (yesterday, yesterday))

    found = list(items(older_than=DAY))

    assert [(item.name[-8:], item.size, item.live) for item in found] == [("temp_old", 100, False)]


@pytest.mark.parametrize(
    "name",
    [
        "user_4/video/temp_processing/../temp_processing/file",
        "user_4/video/processed/142_trimmed.mp4",
        "notes.txt",
        "/etc/passwd",
    ],
)
def test_nothing_outside_the_area_is_looked_at(scratch_root, name):
    (scratch_root / "user_4/video/temp_processing").mkdir(parents=True)
    (scratch_root / "user_4/video/temp_processing/file").touch()

    assert look(name, time.time()) is None
