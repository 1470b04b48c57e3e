"""The archive in the admin: what is in it, back to the library, or away for ever."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.urls import path
from django.utils.safestring import SafeString

from recordings import restoring
from recordings.archive import let_go
from recordings.ledger.admin_base import (
    CHANGED,
    ReadOnlyAdmin,
    has_changed,
    mark,
    number_of,
    selection,
)
from recordings.ledger.exceptions import LedgerError
from recordings.models import ArchivedRecording
from recordings.tasks import purge_soon

SHOWN = 50  # files on one page, and titles on the page that asks
Rows = QuerySet[ArchivedRecording]


@admin.register(ArchivedRecording)
class ArchivedRecordingAdmin(ReadOnlyAdmin):
    list_display = (
        "title", "recording_id", "owner_name", "bytes", "archived_at", "archived_by", "restoring",
    )  # fmt: skip
    search_fields = ("title", "=owner_name")
    search_help_text = "Words of the title, a user name, or the number the recording had."
    ordering = ("-id",)
    actions = ("restore_selected", "call_off_selected", "let_go_selected")
    change_list_template = "admin/recordings/archivedrecording/change_list.html"
    fields = (
        "title", "recording_id", "owner_name", "bytes", "labels", "archived_at", "archived_by",
        "restoring", "files_table",
    )  # fmt: skip
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> Rows:
        rows: Rows = super().get_queryset(request)
        return rows.filter(archived_at__isnull=False).defer("columns")

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        found, duplicates = super().get_search_results(request, queryset, search_term)
        if search_term.strip().isdecimal():
            found |= queryset.filter(recording_id=int(search_term))
        return found, duplicates

    @admin.display(description="size")
    def bytes(self, archived: ArchivedRecording) -> str:
        return filesizeformat(archived.size)

    @admin.display(description="files")
    def files_table(self, archived: ArchivedRecording) -> SafeString:
        files = archived.files.select_related("stored").order_by("pk")[:SHOWN]
        return render_to_string("admin/recordings/archivedrecording/_files.html", {"files": files})

    @admin.display(description="restoring")
    def restoring(self, archived: ArchivedRecording) -> str:
        if archived.restore_asked_at is None:
            return archived.restore_error or "-"
        if archived.restore_claim is None:
            return "waits for a worker"
        done, size = filesizeformat(archived.restored_bytes), filesizeformat(archived.size)
        return f"{done} of {size}"

    @admin.action(description="Restore selected recordings to the library", permissions=["view"])
    def restore_selected(self, request: HttpRequest, queryset: Rows) -> None:
        count = restoring.ask(queryset, by=request.user.get_username())
        self.say(
            request,
            f"{number_of(count, 'recording')} asked back. Each comes to the library marked to be "
            "kept: take the mark away when policies may remove it.",
        )

    @admin.action(description="Do not restore what waits", permissions=["view"])
    def call_off_selected(self, request: HttpRequest, queryset: Rows) -> None:
        count = restoring.call_off(queryset)
        self.say(request, f"{number_of(count, 'recording')} not restored.")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.progress)
        name = "recordings_archivedrecording_progress"
        return [path("progress/", view, name=name), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {**(extra_context or {}), "restoring": restoring.progress()}
        response: HttpResponse = super().changelist_view(request, context)
        return response

    def progress(self, request: HttpRequest) -> HttpResponse:
        """Show how far restoring is; the list is loaded anew when it has ended."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = restoring.progress()
        template = "admin/recordings/archivedrecording/_restoring.html"
        answer = render(request, template, {"restoring": found})
        if not found["all"]:
            answer["HX-Refresh"] = "true"
        return answer

    @admin.action(description="Delete selected recordings for ever…", permissions=["view"])
    def let_go_selected(self, request: HttpRequest, queryset: Rows) -> HttpResponse | None:
        rows = list(queryset.order_by("pk")[:1000])
        answer = request.POST.get("confirmation", "").strip()
        if answer and has_changed(request, [archived.pk for archived in rows]):
            return self.ask(request, rows, CHANGED)
        if answer != str(len(rows)):
            error = answer and f"Type {len(rows)}, the number of recordings."
            return self.ask(request, rows, error)
        count = 0
        for archived in rows:
            try:
                count += let_go(archived.pk, by=request.user.get_username())
            except LedgerError as error:
                self.refuse(request, f"“{archived}” stays in the archive. {error}")
        purge_soon()
        self.say(request, f"{number_of(count, 'archived recording')} deleted for ever.")
        return None

    def ask(self, request: HttpRequest, rows: list[ArchivedRecording], error: str) -> HttpResponse:
        pks = [archived.pk for archived in rows]
        total = ArchivedRecording.objects.filter(pk__in=pks).aggregate(size=Sum("size", default=0))
        context = {
            "count": len(rows),
            "size": total["size"],
            "named": rows[:SHOWN],
            "others": max(0, len(rows) - SHOWN),
            "error": error,
            "seen": mark(pks),
            **selection(request),
        }
        title = f"Delete {number_of(len(rows), 'archived recording')} for ever"
        return self.page(
            request, "admin/recordings/archivedrecording/let_go.html", title, **context
        )
