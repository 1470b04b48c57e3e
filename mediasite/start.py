"""What must be in order before the site's processes run: one start per DATA_DIR, tables, users.

Each step costs next to nothing when there is nothing to do, for a restart should take seconds.
Raises CannotStart with a sentence for the one who started it.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import socket
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles.finders import get_finders
from django.core import checks
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from mediasite.celery import app
from mediasite.checks import TAG
from mediasite.environment import env, reason, unusable
from recordings import demo
from recordings.ledger import identity
from recordings.ledger.exceptions import LedgerError
from thumbnails import gallery

FOLDERS = ("MEDIA_ROOT", "SCRATCH_ROOT", "LOG_ROOT", "BROKER_ROOT", "CACHE_ROOT", "MANAGED_ROOT")
PROBE_TIMEOUT = 1.0  # seconds
BROKER_TIMEOUT = 3  # seconds
DYING = 5.0  # seconds in which the children of a killed start let go of its lock


class CannotStart(Exception):
    """The sentence says what is in the way and what would help."""


def check_environment() -> list[str]:
    """Refuse settings that cannot work, before there is any file; return what looks doubtful."""
    found = checks.run_checks(tags=[TAG])
    if wrong := [sentence(message) for message in found if message.is_serious()]:
        raise CannotStart("\n".join(wrong))
    reach_database()
    reach_broker()
    return [sentence(message) for message in found]


def sentence(message: checks.CheckMessage) -> str:
    return f"{message.msg} {message.hint or ''}".strip()


def reach_database() -> None:
    """Ask a database server for a connection; the file of SQLite is made later."""
    if connection.vendor == "sqlite":
        return
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        raise CannotStart(unusable(error)) from error


def reach_broker() -> None:
    """Ask the broker for a connection; that of files is made with the first message."""
    if settings.CELERY_BROKER_URL == "files://":
        return
    with app.connection_for_write(connect_timeout=BROKER_TIMEOUT) as broker:
        try:
            broker.ensure_connection(max_retries=1, timeout=BROKER_TIMEOUT)
        except Exception as error:  # each transport has its own, and none is ours
            raise CannotStart(
                f"The broker at {broker.as_uri()} cannot be reached: {reason(error)} Start it, "
                "correct CELERY_BROKER_URL, or leave that unset for files in DATA_DIR."
            ) from error


def claim(host: str, port: int) -> tuple[int, socket.socket]:
    """Take DATA_DIR and the address; raise CannotStart.

    Where a site has been, the lock comes first, for who holds it is the better sentence. Else the
    port does, so that a start which is refused leaves no folder behind.
    """
    if lock_path().exists():
        return lock_data_dir(), listen(host, port)
    listener = listen(host, port)
    return lock_data_dir(), listener


def lock_path() -> Path:
    return Path(settings.DATA_DIR) / "up.lock"


def lock_data_dir() -> int:
    """Take DATA_DIR for this start; return the descriptor, for the children to hold it too.

    The lock is gone when the last process that holds the descriptor is, however it ended.
    """
    path = lock_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise CannotStart(
            f"DATA_DIR, {settings.DATA_DIR}, cannot be written to ({error.strerror}). "
            "Give this user the right to, or name another folder in DATA_DIR."
        ) from error
    if not locked(descriptor, within=DYING):
        starter = os.read(descriptor, 20).decode() or "unknown"
        raise CannotStart(
            f"The site is already running on {settings.DATA_DIR} (started by process {starter}). "
            "Stop it first, or name another DATA_DIR."
        )
    os.truncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def locked(descriptor: int, *, within: float) -> bool:
    """Lock an open file, waiting some seconds for those who are about to let go."""
    deadline = time.monotonic() + within
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        else:
            return True


def listen(host: str, port: int) -> socket.socket:
    """Open the address of the site; requests wait in line until gunicorn takes them."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except (OSError, OverflowError) as error:
        raise CannotStart(why_not(error, host, port)) from error


def why_not(error: Exception, host: str, port: int) -> str:
    code = getattr(error, "errno", None)
    if code == errno.EADDRINUSE:
        return f"Port {port} is taken by another program. Name a free one: PORT={port + 1} bin/up"
    if code == errno.EACCES:
        return f"Port {port} needs root. Name one from 1024 up: PORT=8000 bin/up"
    return f"The site cannot listen on HOST {host!r}, PORT {port}: {reason(error)}"


def make_folders() -> None:
    bool(settings.SECRET_KEY)  # made when first looked at
    archive = ["ARCHIVE_ROOT"] if settings.ARCHIVE_ROOT else []
    for name in (*FOLDERS, *archive):
        folder = Path(getattr(settings, name))
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotStart(f"{name}, {folder}, cannot be made: {error.strerror}.") from error


def migrate() -> bool:
    """Bring the tables up to date; return whether there was anything to do."""
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if pending:
            call_command("migrate", interactive=False, verbosity=0)
    except DatabaseError as error:
        raise CannotStart(unusable(error)) from error
    return bool(pending)


def collect_static() -> bool:
    """Gather the static files when their sources changed; return whether they had."""
    stamp = Path(settings.STATIC_ROOT) / "sources.stamp"
    fingerprint = static_fingerprint()
    if stamp.is_file() and stamp.read_text() == fingerprint:
        return False
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(fingerprint)
    return True


def static_fingerprint() -> str:
    """Names, sizes and times of all sources, and the storage that will name the results."""
    digest = hashlib.sha256(repr(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            stat = os.stat(storage.path(name))
            digest.update(f"{name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def bind_storage() -> bool:
    """Mark an empty storage as this database's before anything is put there; say if that was new.

    A store that does not answer yet is marked by the first tick that reaches it.
    """
    try:
        return identity.keep()
    except LedgerError:
        return False


def make_templates() -> bool:
    """Draw the templates of thumbnails that were never there; return whether there were any.

    A store that does not answer yet gets them at a later start.
    """
    try:
        return bool(gallery.ensure())
    except LedgerError:
        return False


def make_users() -> dict[str, str]:
    """Make `admin` and `demo` in a database without users; return them with made-up passwords.

    The password is empty where it was chosen in the environment.
    """
    if User.objects.exists():
        return {}
    names = ["admin", "demo"] if env.bool("DEMO", default=True) else ["admin"]
    made = {}
    with transaction.atomic():
        for name in names:
            chosen = env.str(f"{name.upper()}_PASSWORD", default="")
            made[name] = "" if chosen else secrets.token_urlsafe(9)
            make = User.objects.create_superuser if name == "admin" else User.objects.create_user
            make(name, password=chosen or made[name])
    return made


def make_demo_recording() -> None:
    """Give the user `demo` something to look at, unless he has, or ever had, a recording."""
    if env.bool("DEMO", default=True):
        for user in User.objects.filter(username="demo"):
            demo.ensure(user)


def answers(host: str, port: int) -> bool:
    """Tell whether the site's GET /healthz says 200."""
    own = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104
    probe = HTTPConnection(own.get(host, host), port, timeout=PROBE_TIMEOUT)
    try:
        probe.request("GET", "/healthz", headers={"Host": allowed_host()})
        return probe.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        probe.close()


def allowed_host() -> str:
    """A Host that this site answers to."""
    hosts = [host.removeprefix(".") for host in settings.ALLOWED_HOSTS if host != "*"]
    return hosts[0] if hosts else "localhost"
