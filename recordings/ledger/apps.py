"""The ledger's Django app."""

from __future__ import annotations

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "recordings.ledger"
    label = "ledger"
    verbose_name = "Stored files"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from recordings.ledger import lookups  # noqa: F401  (registers `among`)
