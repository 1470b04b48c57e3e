"""The archive in the admin: what is in it, back to the library, or away for ever."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from recordings.archive import let_go
from recordings.archive_restore import restore
from recordings.ledger.admin_base import ReadOnlyAdmin, number_of, selection
from recordings.ledger.exceptions import LedgerError
from recordings.models import ArchivedRecording
from recordings.tasks import purge_soon

MOST = 20  # restored in one request, since their bytes are copied
SHOWN = 50  # files on one page, and titles on the page that asks
Rows = QuerySet[ArchivedRecording]


@admin.register(ArchivedRecording)
class ArchivedRecordingAdmin(ReadOnlyAdmin):
    list_display = ("title", "recording_id", "owner_name", "bytes", "archived_at", "archived_by")
    search_fields = ("title", "=owner_name")
    search_help_text = "Words of the title, a user name, or the number the recording had."
    ordering = ("-id",)
    actions = ("restore_selected", "let_go_selected")
    fields = (
        "title", "recording_id", "owner_name", "bytes", "labels", "archived_at", "archived_by",
        "files_table",
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

    @admin.action(description="Restore selected recordings to the library", permissions=["view"])
    def restore_selected(self, request: HttpRequest, queryset: Rows) -> None:
        pks = list(queryset.order_by("pk").values_list("pk", flat=True)[: MOST + 1])
        if len(pks) > MOST:
            self.refuse(request, f"Nothing was restored: choose {MOST} at a time or less.")
            return
        for archived in queryset.filter(pk__in=pks):
            try:
                back = restore(archived.pk, by=request.user.get_username())
            except (LedgerError, ArchivedRecording.DoesNotExist) as error:
                self.refuse(request, f"“{archived}” stays in the archive. {error}")
            else:
                self.say(
                    request,
                    f"“{back}” is in the library again, marked to be kept: take the mark away "
                    "when policies may remove it.",
                )

    @admin.action(description="Delete selected recordings for ever…", permissions=["view"])
    def let_go_selected(self, request: HttpRequest, queryset: Rows) -> HttpResponse | None:
        rows = list(queryset.order_by("pk")[:1000])
        answer = request.POST.get("confirmation", "").strip()
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
            **selection(request),
        }
        title = f"Delete {number_of(len(rows), 'archived recording')} for ever"
        return self.page(
            request, "admin/recordings/archivedrecording/let_go.html", title, **context
        )
