"""Start everything the site consists of on this machine, and keep it running."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from mediasite import start
from mediasite.settings import env
from mediasite.supervisor import Child, Supervisor, say


class Command(BaseCommand):
    help = "Start web server, workers and scheduler; SIGTERM or Ctrl-C stops them all."
    requires_system_checks = ("mediasite",)

    def handle(self, *args: Any, **options: Any) -> None:
        host = env.str("HOST", default="127.0.0.1")
        try:
            lock = start.lock_data_dir()
            listener = start.listen(host, settings.PORT)
            prepare()
        except start.CannotStart as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt as interrupt:
            raise CommandError("Stopped before anything was started.") from interrupt
        port = listener.getsockname()[1]
        say("up", "Starting the web server, two workers and the scheduler.")
        watch = Watch(host, port)
        Supervisor(children(lock, listener.fileno())).run(watch.tell_when_ready)


class Watch:
    """Says once that the site answers."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.ready = False

    def tell_when_ready(self) -> None:
        if not self.ready and start.answers(self.host, self.port):
            self.ready = True
            host = f"[{self.host}]" if ":" in self.host else self.host
            say("up", f"The site is ready at http://{host}:{self.port}/")


def prepare() -> None:
    """Make folders, tables, static files and the first users, as far as they are missing."""
    start.make_folders()
    if start.migrate():
        say("up", "The tables of the database are up to date.")
    if start.collect_static():
        say("up", "The static files are up to date.")
    for name, password in start.make_users().items():
        say("up", f"User {name} was made, with the password {password} (shown this once).")
    start.make_demo_recording()
    connections.close_all()
    for name in ("ADMIN_PASSWORD", "DEMO_PASSWORD"):
        os.environ.pop(name, None)  # not the business of the processes started now


def children(lock: int, listener: int) -> list[Child]:
    """The four processes; all inherit the lock, so that it outlives a killed `up` with them.

    Threads, since a pool of processes is killed at every shutdown. What gossip, mingle and
    heartbeats tell other workers, nobody here asks. Beat needs no pid file beside the lock.
    """
    python = sys.executable
    os.environ["PYTHONPATH"] = str(settings.BASE_DIR)
    celery = [python, "-m", "celery", "-A", "mediasite", "--quiet"]
    worker = [*celery, "worker", "-P", "threads", "-l", "INFO"]
    worker += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
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
