"""Health in the admin: its thresholds, and the notices that were written of it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from recordings.ledger.admin_base import LibraryAdmin, ReadOnlyAdmin
from retention.models import HealthThresholds, Notice


@admin.register(HealthThresholds)
class HealthThresholdsAdmin(LibraryAdmin):
    """One row, so its list leads on to it."""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        row = HealthThresholds.current()
        return redirect("admin:retention_healththresholds_change", row.pk)


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    list_display = ("key", "kind", "to", "subject", "attempts", "created_at", "sent_at")
    list_filter = ("kind", ("sent_at", admin.EmptyFieldListFilter))
    search_fields = ("=to",)
    search_help_text = "An address."
