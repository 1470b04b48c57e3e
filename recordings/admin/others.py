"""Jobs and API tokens to read, to stop and to revoke."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from recordings.admin.naming import NamingAdmin
from recordings.ledger.admin_base import ReadOnlyAdmin, number_of
from recordings.models import ApiToken, Job
from recordings.processing import jobs


class JobForm(forms.ModelForm):  # type: ignore[type-arg]
    """Says in words what the columns mean that workers write."""

    class Meta:
        labels: ClassVar = {
            "first": "First processing",
            "former_state": "State before",
            "received": "Bytes fetched",
            "attempts": "Attempts begun",
            "not_before": "Starts not before",
            "claimed_by": "Worker",
            "heartbeat_at": "Last sign of life",
            "lease_until": "Worker's until",
            "site_fault": "The site's fault",
        }
        help_texts: ClassVar = {
            "progress": "Percent.",
            "former_state": "What the recording returns to when this is cancelled.",
            "received": "By an import, so far.",
            "not_before": "After a failure the next attempt waits.",
            "claimed_by": "The process that does it, or did it last.",
            "lease_until": "After that another worker may take it over.",
            "site_fault": "Then no source rule removes the original.",
        }


@admin.register(Job)
class JobAdmin(NamingAdmin, ReadOnlyAdmin):
    form = JobForm
    list_display = (
        "id", "kind", "about", "owner", "state", "step", "progress", "error", "created_at",
        "finished_at",
    )  # fmt: skip
    list_filter = ("state", "kind", "site_fault")
    ordering = ("-id",)
    actions = ("cancel_selected",)
    fieldsets = (
        (None, {"fields": ("kind", "about", "owner", "state", "step", "progress", "error")}),
        ("When", {"fields": ("created_at", "started_at", "finished_at", "cancel_requested_at")}),
        ("What it was asked", {"fields": ("options", "first", "former_state", "received")}),
        (
            "Work on it",
            {"fields": ("attempts", "not_before", "claimed_by", "heartbeat_at", "lease_until")},
        ),
        ("For administrators", {"fields": ("site_fault", "log")}),
    )
    readonly_fields = ("about", "owner")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("log")

    @admin.action(description="Stop selected jobs", permissions=["view"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        open_jobs = queryset.filter(state__in=Job.OPEN)
        count = sum(jobs.cancel(job) for job in open_jobs[: self.list_per_page])
        self.say(request, f"{number_of(count, 'job')} asked to stop.")


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    list_display = ("name", "user", "created_at", "last_used_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    list_select_related = ("user",)
    search_fields = ("name", "=user__username")
    ordering = ("-id",)
    actions = ("revoke_selected",)
    exclude = ("digest",)

    @admin.action(description="Revoke selected tokens", permissions=["view"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        count = sum(token.revoke() for token in queryset.filter(revoked_at=None))
        self.say(request, f"{number_of(count, 'token')} revoked.")
