"""An adapter; tokens are made by recordings.models.ApiToken."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from recordings.models import ApiToken

NAME_LENGTH = 100  # of ApiToken.name


class Command(BaseCommand):
    help = "Make an API token for a user and print its key, which is not kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", metavar="USER")
        parser.add_argument("--name", default="command line", help="What the token is for.")

    def handle(self, *args: Any, **options: Any) -> str:
        users = get_user_model().objects.filter(username=options["username"])
        user = users.first()
        if user is None:
            raise CommandError(
                f"There is no user {options['username']!r}: make one in the admin first, or with "
                "`manage.py createsuperuser`."
            )
        if not user.is_active:
            raise CommandError(f"The account of {user} is closed, so a token would open nothing.")
        if not 0 < len(options["name"].strip()) <= NAME_LENGTH:
            raise CommandError(f"Give the token a name of 1 to {NAME_LENGTH} characters.")
        return ApiToken.make(user, name=options["name"].strip())[1]
