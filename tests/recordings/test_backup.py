"""Backups of the database: whole, checked, and only the newest few."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from recordings import backup
from recordings.models import Recording
from tests.conftest import is_sqlite

pytestmark = pytest.mark.django_db(transaction=True)


def titles_in(path: Path) -> str:
    """Read what a backup holds, with other programs than ours."""
    if is_sqlite():
        with closing(sqlite3.connect(path)) as copy:
            return " ".join(
                row[0] for row in copy.execute("SELECT title FROM recordings_recording")
            )
    dumped = ["pg_restore", "--data-only", "--table=recordings_recording", "--file=-", str(path)]
    return subprocess.run(dumped, check=True, capture_output=True, text=True).stdout


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_backup_holds_what_is_committed_and_only_we_can_read_it(make_recording, settings):
    make_recording(title="Перевод", files=0)
    said = StringIO()

    call_command("backup", stdout=said)

    (name,) = names(settings.BACKUP_ROOT)
    path = settings.BACKUP_ROOT / name
    assert "Перевод" in titles_in(path)
    assert path.stat().st_mode & 0o077 == 0
    assert str(path) in said.getvalue()
    assert name.endswith(".sqlite3" if is_sqlite() else ".dump")


def test_only_the_newest_are_kept_and_nothing_of_others_is_touched(settings, db):
    settings.BACKUPS_KEPT = 2
    settings.BACKUP_ROOT.mkdir()
    foreign = settings.BACKUP_ROOT / "mine.sqlite3"
    foreign.write_text("x")
    stale = settings.BACKUP_ROOT / "mediasite-20200101T000000000000Z.sqlite3.part"
    stale.write_text("x")
    os.utime(stale, (0, 0))

    made = [backup.make() for _ in range(3)]

    assert names(settings.BACKUP_ROOT) == sorted([foreign.name, *(path.name for path in made[1:])])


def test_none_goes_before_there_are_more_than_are_kept(settings, db):
    settings.BACKUPS_KEPT = 7

    made = [backup.make() for _ in range(8)]

    assert names(settings.BACKUP_ROOT) == [path.name for path in made[1:]]


def test_new_backup_stays_though_a_wrong_clock_named_others_newer(settings, db):
    settings.BACKUPS_KEPT = 2
    suffix = ".sqlite3" if is_sqlite() else ".dump"
    settings.BACKUP_ROOT.mkdir()
    for year in (2098, 2099):
        (settings.BACKUP_ROOT / f"mediasite-{year}0101T000000000000Z{suffix}").write_text("x")

    made = backup.make()

    assert names(settings.BACKUP_ROOT) == [made.name, f"mediasite-20990101T000000000000Z{suffix}"]


def test_failed_backup_leaves_the_former_ones_and_no_part(settings, monkeypatch):
    former = backup.make()
    if is_sqlite():
        monkeypatch.setitem(connection.settings_dict, "NAME", settings.BACKUP_ROOT / "nothing")
    else:
        monkeypatch.setenv("PATH", "/nonexistent")

    with pytest.raises(CommandError, match="unable to open" if is_sqlite() else "no pg_dump"):
        call_command("backup")

    assert names(settings.BACKUP_ROOT) == [former.name]


def test_backup_is_of_one_moment_while_others_write(make_recording):
    make_recording(title="before", files=0)
    if not is_sqlite():
        pytest.skip("pg_dump does this itself")
    pages = []

    def write_meanwhile() -> None:
        pages.append(1)
        Recording.objects.create(owner=Recording.objects.first().owner, title=f"later{len(pages)}")

    backup.PAGES, usual = 20, backup.PAGES
    try:
        path = backup.make(alive=write_meanwhile)
    finally:
        backup.PAGES = usual

    assert len(pages) > 3
    assert titles_in(path) == "before"


def test_lost_claim_stops_the_backup(settings):
    class Lost(Exception):
        pass

    def alive() -> None:
        raise Lost

    if not is_sqlite():
        pytest.skip("pg_dump of an empty site is done before anybody asks")
    with pytest.raises(Lost):
        backup.make(alive=alive)

    assert names(settings.BACKUP_ROOT) == []
