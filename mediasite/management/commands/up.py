"""Start everything the site consists of on this machine, and keep it running."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from mediasite import start
from mediasite.environment import env
from mediasite.supervisor import Child, Supervisor, say


class Command(BaseCommand):
    help = "Start web server, workers and scheduler; SIGTERM or Ctrl-C stops them all."
    requires_system_checks = ()  # start.check_environment runs them, for one sentence each

    def handle(self, *args: Any, **options: Any) -> None:
        host = env.str("HOST", default="127.0.0.1")
        try:
            for doubt in start.check_environment():
                say("up", doubt)
            lock, listener = start.claim(host, settings.PORT)
            users = prepare()
        except start.CannotStart as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt as interrupt:
            raise CommandError("Stopped before anything was started.") from interrupt
        port = listener.getsockname()[1]
        workers = "three" if settings.IMPORT_BY_URL else "two"
        say("up", f"Starting the web server, {workers} workers and the scheduler.")
        watch = Watch(host, port, users)
        try:
            Supervisor(children(lock, listener.fileno())).run(watch.tell_when_ready)
        finally:
            watch.tell_users()  # passwords are told nowhere else, even if it never got ready


class Watch:
    """Says once that the site answers, and who can sign in."""

    def __init__(self, host: str, port: int, users: Sequence[str]) -> None:
        self.host = host
        self.port = port
        self.users = users  # lines that are still to be told
        self.ready = False

    def tell_when_ready(self) -> None:
        if not self.ready and start.answers(self.host, self.port):
            self.ready = True
            host = f"[{self.host}]" if ":" in self.host else self.host
            self.tell_users()
            say("up", f"The site is ready at http://{host}:{self.port}/")
            say("up", "Ctrl-C stops everything.")

    def tell_users(self) -> None:
        tell(self.users)
        self.users = ()


def tell(lines: Sequence[str]) -> None:
    for line in lines:
        say("up", line)


def prepare() -> list[str]:
    """Make what is missing of folders, tables, static files, users; say who can sign in."""
    start.make_folders()
    if start.migrate():
        say("up", "The tables of the database are up to date.")
    start.bind_storage()
    if start.collect_static():
        say("up", "The static files are up to date.")
    if start.make_templates():
        say("up", "The templates of thumbnails are drawn.")
    made = start.make_users()
    users = [
        f"User {name} was made, with the password {password} (shown this once)."
        for name, password in made.items()
        if password
    ]
    users.append(who_can_sign_in(made))
    try:
        start.make_demo_recording()
    except BaseException:  # Ctrl-C as well: the next start makes no users and no passwords
        tell(users)
        raise
    connections.close_all()
    for name in ("ADMIN_PASSWORD", "DEMO_PASSWORD"):
        os.environ.pop(name, None)  # not the business of the processes started now
    return users


def who_can_sign_in(made: dict[str, str]) -> str:
    """One sentence about the users that the first start makes, as far as they are still there."""
    there = User.objects.filter(username__in=("admin", "demo"), is_active=True)
    names = sorted(there.values_list("username", flat=True))
    if not names:
        return "Sign in as one of the site's users."
    return f"Sign in as {' or '.join(names)}: {passwords(made)}."


def passwords(made: dict[str, str]) -> str:
    """Say where the passwords are from: of users as `make_users` returns them."""
    if not made:
        return "passwords unchanged"
    above = " and of ".join(name for name, password in made.items() if password)
    chosen = " and of ".join(name for name, password in made.items() if not password)
    told = [f"the password of {above} is above"] if above else []
    return " and ".join([*told, *([f"you chose the password of {chosen}"] if chosen else [])])


def children(lock: int, listener: int) -> list[Child]:
    """The processes; all inherit the lock, so that it outlives a killed `up` with them.

    Threads, since a pool of processes is killed at every shutdown. What gossip, mingle and
    heartbeats tell other workers, nobody here asks. Beat needs no pid file beside the lock.
    """
    python = sys.executable
    os.environ["PYTHONPATH"] = str(settings.BASE_DIR)
    # A site in a container may run as root; its messages are JSON, which do no harm to root.
    celery = [python, "-W", "ignore:::celery.platforms", "-m", "celery"]
    celery += ["-A", "mediasite", "--quiet"]
    worker = [*celery, "worker", "-P", "threads", "-l", "INFO"]
    worker += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    # What waits for strangers' servers costs nothing but threads.
    imports = [*worker, "-Q", "imports", "-c", "8", "-n", "imports@%h"]
    config = str(settings.BASE_DIR / "mediasite" / "gunicorn.py")
    return [
        Child(
            "web",
            [python, "-m", "gunicorn", "-c", config, "--bind", f"fd://{listener}"],
            keep=(lock, listener),
        ),
        Child(
            "processing",
            [*worker, "-Q", "processing", "-c", concurrency(), "-n", "processing@%h"],
            keep=(lock,),
        ),
        *([Child("imports", imports, keep=(lock,))] if settings.IMPORT_BY_URL else []),
        Child("upkeep", [*worker, "-Q", "upkeep", "-c", "4", "-n", "upkeep@%h"], keep=(lock,)),
        Child(
            "beat",
            [*celery, "beat", "-l", "INFO", "--pidfile="],
            keep=(lock,),
        ),
    ]


def concurrency() -> str:
    """Encodes at a time: each fills the processors by itself, a second uses what it leaves."""
    return "1" if (os.cpu_count() or 1) < 4 else "2"
