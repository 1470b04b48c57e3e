"""Wrong values and missing sites: one sentence, exit status 1, and nothing made on the way."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from mediasite.environment import read_mail
from tests.site.processes import ROOT, environment, free_port

Manage = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An empty folder in which DATA_DIR would be made."""
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


@pytest.fixture
def manage(place: Path) -> Manage:
    def manage(*arguments: str, **values: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=environment(place / "data", **values),
            capture_output=True,
            text=True,
            check=False,
        )

    return manage


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("DATABASE_URL", "nonsense", "postgres://"),
        ("DATABASE_URL", "postgres://u:hush@h:99999/x", "postgres://"),
        ("DATABASE_URL", "postgres://u:hush@127.0.0.1:1/x", "See DATABASE_URL."),
        ("PORT", "abc", "a number from"),
        ("PORT", "70000", "a number from"),
        ("WEB_WORKERS", "abc", "a whole number from"),
        ("TIME_ZONE", "Mars/Base", "Europe/Berlin"),
        ("IMPORT_BY_URL", "maybe", "on or off"),
        ("IMPORT_TIMEOUT", "6h", "a whole number of seconds"),
        ("IMPORT_ALLOWED_HOSTS", "https://media.example.org", "media.example.org"),
        ("IMPORT_ALLOWED_HOSTS", "media.intern, 10.1.2.3/16", "10.1.0.0/16"),
        ("IMPORT_ALLOWED_HOSTS", "fd00::1", "[fd00::1]"),
        ("RETENTION_ROOTS", "/srv/a:exports", "full paths"),
        ("EMAIL_URL", "nonsense", "smtp+tls://"),
        ("EMAIL_URL", "filemail://mails", "filemail:///"),
        ("WEBHOOK_URL", "chat.example.org/hooks/42", "https://"),
        ("CELERY_BROKER_URL", "nonsense", "redis://"),
        ("CELERY_BROKER_URL", "http://localhost", "redis://"),
        ("CELERY_BROKER_URL", "redis://:hush@127.0.0.1:1/0", "cannot be reached"),
        ("CELERY_BROKER_URL", "amqp://u:hush@127.0.0.1:1//", "cannot be reached"),
        ("TRANSCRIBER", "nonsense", "package.module.Class"),
        ("ANALYSER", "os.path.join", "package.module.Class"),
    ],
)
def test_wrong_value_is_refused_before_anything_is_made(manage, place, name, value, right):
    refused = manage("up", **{"PORT": "0", name: value})

    assert refused.returncode == 1
    assert right in refused.stderr
    assert name in refused.stderr
    assert "hush" not in refused.stderr
    assert ".." not in refused.stderr
    assert "?." not in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert list(place.iterdir()) == []


def test_file_for_a_data_dir_is_refused(manage, place):
    (place / "file").write_text("")

    refused = manage("up", DATA_DIR=str(place / "file"))

    assert refused.returncode == 1
    assert "cannot be written to" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["create_token", "demo"],
        ["audit"],
        ["purge"],
        ["explain", "1"],
        ["sweep", "trash"],
        ["sync_schedules"],
        ["createsuperuser"],
    ],
)
def test_command_without_a_site_says_so_and_makes_none(manage, place, command):
    refused = manage(*command)

    assert refused.returncode == 1
    assert f"There is no site in {place / 'data'} yet: run bin/up" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert list(place.iterdir()) == []


def test_command_on_an_empty_database_says_that_there_is_no_site(manage, place):
    (place / "data").mkdir()
    (place / "data" / "db.sqlite3").touch()

    refused = manage("audit")

    assert refused.returncode == 1
    assert "There is no site" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_command_on_an_older_database_names_migrate(manage):
    manage("migrate", "contenttypes")

    refused = manage("create_token", "demo")

    assert refused.returncode == 1
    assert refused.stderr == (
        "The tables of the database are older than the site: run manage.py migrate.\n"
    )


def test_command_with_an_unreachable_database_says_so(manage):
    refused = manage("purge", DATABASE_URL="postgres://u:hush@127.0.0.1:1/x")

    assert refused.returncode == 1
    assert "The database cannot be used" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_help_and_checks_need_no_site(manage, place):
    assert manage("audit", "--help").returncode == 0
    assert list(place.iterdir()) == []
    assert manage("check").returncode == 0


def test_taken_port_is_found_before_anything_is_made(manage, place):
    with socket.create_server(("127.0.0.1", port := free_port())):
        refused = manage("up", PORT=str(port))

    assert "is taken by another program" in refused.stderr
    assert list(place.iterdir()) == []


def test_folder_that_mails_are_written_to_is_a_full_path(monkeypatch):
    monkeypatch.setenv("EMAIL_URL", "filemail:///srv/mails")

    assert read_mail("EMAIL_URL")["EMAIL_FILE_PATH"] == "/srv/mails"


def test_folder_for_mails_that_is_no_full_path_is_refused(monkeypatch):
    monkeypatch.setenv("EMAIL_URL", "filemail://")

    with pytest.raises(ImproperlyConfigured, match="filemail:///srv/mails"):
        read_mail("EMAIL_URL")
