"""Jobs and API tokens to read, to stop and to revoke."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from recordings.ledger.admin_base import ReadOnlyAdmin, number_of
from recordings.models import ApiToken, Job
from recordings.processing import jobs


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = (
        "id", "kind", "recording", "state", "step", "progress", "error", "created_at",
        "finished_at",
    )  # fmt: skip
    list_filter = ("state", "kind", "site_fault")
    list_select_related = ("recording",)
    ordering = ("-id",)
    actions = ("cancel_selected",)
    exclude = ("claim", "reservation")

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
