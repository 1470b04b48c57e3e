"""The cache and the database: tidied as a whole, each with one item that says what it is."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import time

import pytest
from django.core.cache import caches
from django.core.cache.backends import filebased
from django.core.exceptions import ValidationError
from django.db import OperationalError, connection

from retention import runs, sweep
from retention.choices import Mode
from retention.targets import database
from tests.conftest import is_sqlite, redis_url
from tests.proofs import children
from tests.retention.conftest import run

pytestmark = pytest.mark.django_db(transaction=True)

BACKENDS = "django.core.cache.backends"


def use_cache(settings, kind, location, **values):
    backend = {"BACKEND": f"{BACKENDS}.{kind}", "LOCATION": location, "KEY_PREFIX": "mediasite"}
    settings.CACHES = {"default": {**backend, **values}}
    return caches["default"]


@pytest.fixture
def policy(make_policy):
    return make_policy("cache", max_age_seconds=0)


def test_cache_of_files_is_emptied_and_its_folder_left(folders, settings, policy):
    cache = use_cache(settings, "filebased.FileBasedCache", folders / "cache/django")
    cache.set_many({"one": 1, "two": "x" * 1000})
    (folders / "cache/django/notes.txt").write_text("not of our making")
    (folders / "cache/other.djcache").write_text("beside it")

    plan, done = run(policy, Mode.PLAN), run(policy)

    assert (plan.matched, plan.bytes_matched) == (1, done.bytes_freed)
    assert (done.state, done.deleted) == ("succeeded", 1)
    assert done.items.get().name == "all entries of the cache “default”"
    assert done.items.get().detail == "2 entries"
    assert cache.get("one") is None
    assert (folders / "cache/django/notes.txt").exists()
    assert (folders / "cache/other.djcache").exists()


def test_what_a_killed_writer_left_goes_with_the_cache(folders, settings, policy, time_machine):
    cache = use_cache(settings, "filebased.FileBasedCache", folders / "cache/django")
    (folders / "cache/django/tmpl.txt").write_text("not of our making")

    def write() -> None:
        filebased.file_move_safe = lambda *given, **named: os.kill(os.getpid(), signal.SIGKILL)
        cache.set("one", "private")

    assert children.ended(children.fork(write)) == -signal.SIGKILL
    assert len(list((folders / "cache/django").iterdir())) == 2
    assert run(policy).items.get().detail == "0 entries"  # it could be a writer's that lives

    time_machine.move_to(time.time() + 11 * 60)
    done = run(policy)

    assert done.items.get().detail == "1 entries"
    assert done.bytes_freed > 0
    assert [path.name for path in (folders / "cache/django").iterdir()] == ["tmpl.txt"]


def test_cache_in_memory_loses_its_own_keys_alone(folders, settings, policy):
    cache = use_cache(settings, "locmem.LocMemCache", "shared")
    other = type(cache)("shared", {"KEY_PREFIX": "mediasite2"})
    cache.set("key", "ours")
    other.set("key", "theirs")

    done = run(policy)

    assert done.items.get().detail == "1 entries"
    assert (cache.get("key"), other.get("key")) == (None, "theirs")


@pytest.mark.redis
def test_cache_in_redis_loses_its_own_keys_alone(folders, settings, policy):
    cache = use_cache(settings, "redis.RedisCache", redis_url(), KEY_PREFIX="media*")
    other = type(cache)(redis_url(), {"KEY_PREFIX": "mediasite2"})
    cache.set("key", "ours")
    other.set("key", "theirs")

    run(policy)

    assert (cache.get("key"), other.get("key")) == (None, "theirs")
    other.delete("key")


@pytest.mark.parametrize(
    ("kind", "location", "values"),
    [
        ("filebased.FileBasedCache", "/tmp/shared", {}),
        ("redis.RedisCache", "redis://127.0.0.1:1", {"KEY_PREFIX": ""}),
        ("db.DatabaseCache", "cache_table", {}),
    ],
)
def test_cache_that_others_may_share_is_left(folders, settings, policy, kind, location, values):
    use_cache(settings, kind, location, **values)

    done = run(policy)

    assert (done.state, done.matched) == ("refused", 0)
    assert done.message.endswith("so it is left.")


def test_cache_that_keeps_people_signed_in_is_left(folders, settings, policy):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"

    assert run(policy).state == "refused"


@pytest.mark.parametrize("target", ["cache", "database"])
def test_what_has_no_age_takes_none(make_policy, target):
    with pytest.raises(ValidationError, match="whatever their age"):
        make_policy(target, max_age_seconds=5)


def test_database_is_not_for_the_start(make_policy):
    with pytest.raises(ValidationError, match="at every start"):
        make_policy("database", max_age_seconds=0, at_startup=True)


def test_database_is_tidied_and_every_row_stays(recording, make_policy):
    policy = make_policy("database", max_age_seconds=0)

    plan, done = run(policy, Mode.PLAN), run(policy)

    assert (plan.matched, plan.deleted) == (1, 0)
    assert (done.state, done.deleted) == ("succeeded", 1)
    assert done.items.get().name == database.NAME
    assert recording.files.count() == 5


@pytest.mark.skipif(
    not is_sqlite(), reason="of SQLite alone: the other keeps free pages for later rows"
)
def test_free_pages_of_sqlite_are_given_back(make_policy):
    policy = make_policy("database", max_age_seconds=0)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE ballast (content)")
        cursor.execute("INSERT INTO ballast SELECT zeroblob(30000) FROM auth_permission")
        cursor.execute("DROP TABLE ballast")
    free = database.free_bytes()

    done = run(policy)

    assert free > 1_000_000
    assert done.bytes_freed > 1_000_000
    assert database.free_bytes() < 100_000
    assert done.items.get().detail == "Compacted."


@pytest.mark.skipif(not is_sqlite(), reason="of SQLite alone")
def test_full_disk_keeps_sqlite_from_being_written_anew(make_policy, monkeypatch):
    policy = make_policy("database", max_age_seconds=0)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE ballast AS SELECT zeroblob(5000000)")
        cursor.execute("DROP TABLE ballast")
    full = shutil.disk_usage("/")._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: full)

    done = run(policy)

    assert (done.state, done.deleted) == ("succeeded", 1)
    assert "no room for a second copy" in done.items.get().detail
    assert database.free_bytes() > 4_000_000


@pytest.mark.skipif(not is_sqlite(), reason="of SQLite alone")
def test_writer_at_work_fails_the_item_and_breaks_nothing(make_policy):
    policy = make_policy("database", max_age_seconds=0)
    asked = runs.ask(policy, mode=Mode.EXECUTE, by="anna")
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 50")
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(OperationalError, match="locked"):
            database.tidied()
    finally:
        other.rollback()
        other.close()

    assert sweep.execute(asked.pk)
    connection.close()
