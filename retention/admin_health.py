"""Health in the admin: its thresholds, and the notices that were written of it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from recordings.ledger.admin_base import LibraryAdmin, ReadOnlyAdmin
from recordings.ledger.forms import BytesField
from retention.models import HealthThresholds, Notice


class ThresholdsForm(forms.ModelForm):  # type: ignore[type-arg]
    scratch_bytes = BytesField(label="Scratch over", help_text="Such as 1 GB.")
    log_bytes = BytesField(label="Logs over", help_text="Such as 500 MB.")
    free_bytes = BytesField(label="Free disk under", help_text="Such as 1 GB.")


@admin.register(HealthThresholds)
class HealthThresholdsAdmin(LibraryAdmin):
    """One row, so its list leads on to it."""

    form = ThresholdsForm

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        row = HealthThresholds.current()
        return redirect("admin:retention_healththresholds_change", row.pk)


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    list_display = ("key", "kind", "to", "subject", "attempts", "created_at", "sent_at")
    list_filter = ("kind", ("sent_at", admin.EmptyFieldListFilter))
    search_fields = ("=to",)
    search_help_text = "An address."
