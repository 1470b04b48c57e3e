"""An adapter; sessions are removed by recordings.editing.cleaning."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recordings import tasks
from recordings.editing.cleaning import clean_session
from recordings.editing.models import EditingSession


class Command(BaseCommand):
    help = (
        "Remove one editing session with its sound and with the videos rendered from it. Captions "
        "that were changed are saved first, as a draft. Says what it would remove; --apply does it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("session", type=int, metavar="ID")
        parser.add_argument("--apply", action="store_true", help="Remove it.")

    def handle(self, *args: Any, **options: Any) -> str:
        pk = options["session"]
        if not options["apply"]:
            session = EditingSession.objects.filter(pk=pk).select_related("recording").first()
            if session is None:
                return f"There is no session {pk}; videos rendered from one of that id would go."
            return f"Session {pk} of recording {session.recording_id} would go. Add --apply."
        done = clean_session(pk, by="clean_session")
        tasks.purge_soon()
        if done.errors:
            raise CommandError(f"Session {pk} is in use or held, so it stays; the log says more.")
        return json.dumps(asdict(done))
