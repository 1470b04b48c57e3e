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
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from mediasite.settings import env
from recordings import demo

FOLDERS = ("MEDIA_ROOT", "SCRATCH_ROOT", "LOG_ROOT", "BROKER_ROOT", "CACHE_ROOT", "MANAGED_ROOT")
PROBE_TIMEOUT = 1.0  # seconds


class CannotStart(Exception):
    """The sentence says what is in the way and what would help."""


def lock_data_dir() -> int:
    """Take DATA_DIR for this start; return the descriptor, for the children to hold it too.

    The lock is gone when the last process that holds the descriptor is, however it ended.
    """
    path = Path(settings.DATA_DIR) / "up.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise CannotStart(
            f"DATA_DIR, {settings.DATA_DIR}, cannot be written to ({error.strerror}). "
            "Give this user the right to, or name another folder in DATA_DIR."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        starter = os.read(descriptor, 20).decode() or "unknown"
        raise CannotStart(
            f"The site is already running on {settings.DATA_DIR} (started by process {starter}). "
            "Stop it first, or name another DATA_DIR."
        ) from error
    os.truncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor


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
    return f"The site cannot listen on HOST {host!r}, PORT {port}: {error}."


def make_folders() -> None:
    for name in FOLDERS:
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
        raise CannotStart(
            f"The database cannot be used: {str(error).strip()}. See DATABASE_URL."
        ) from error
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


def make_users() -> dict[str, str]:
    """Make `admin` and `demo` in a database without users; return passwords made up for them."""
    if User.objects.exists():
        return {}
    names = ["admin", "demo"] if env.bool("DEMO", default=True) else ["admin"]
    made_up = {}
    with transaction.atomic():
        for name in names:
            password = env.str(f"{name.upper()}_PASSWORD", default="")
            if not password:
                password = made_up[name] = secrets.token_urlsafe(9)
            make = User.objects.create_superuser if name == "admin" else User.objects.create_user
            make(name, password=password)
    return made_up


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
