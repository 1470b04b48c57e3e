"""management/commands/explain.py: an adapter; the answer is in retention.explain."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rest_framework.utils.encoders import JSONEncoder

from recordings.models import Recording
from retention.api.serializers import ExplanationSerializer
from retention.explain import explain


class Command(BaseCommand):
    help = "Say which policy removes a recording, when, and what blocks it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", type=int, help="The recording.")
        parser.add_argument("--json", action="store_true", help="Print the answer as JSON.")

    def handle(self, *args: Any, **options: Any) -> str:
        recording = Recording.objects.filter(pk=options["id"]).first()
        if recording is None:
            raise CommandError(f"There is no recording {options['id']}.")
        found = explain(recording)
        if options["json"]:
            return json.dumps(ExplanationSerializer(found).data, cls=JSONEncoder)
        return found.sentence
