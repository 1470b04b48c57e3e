"""The ledger in the admin: quotas to set, stored files and receipts to read."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import path

from recordings.ledger import clock, export
from recordings.ledger.admin_base import LibraryAdmin, ReadOnlyAdmin
from recordings.ledger.forms import QuotaForm
from recordings.ledger.models import Account, Clock, Receipt, StoredFile

FORMATS = {"csv": (export.as_csv, "text/csv"), "json": (export.as_json, "application/json")}


def found_by(rows: QuerySet[Any], search_term: str, *lookups: str) -> QuerySet[Any]:
    """Search by what has an index: the recording's number, else any of `lookups`."""
    term = search_term.strip()
    if term.isdecimal():
        return rows.filter(recording_id=int(term))
    wanted = (Q(**{lookup: term}) for lookup in lookups)
    return rows.filter(reduce(or_, wanted)) if term else rows


@admin.register(Account)
class AccountAdmin(LibraryAdmin):
    form = QuotaForm
    list_display = ("__str__", "used_size", "trash_size", "reserved_size", "limit", "closing_since")
    list_filter = ("uses_default_limit", ("closing_since", admin.EmptyFieldListFilter))
    search_fields = ("name",)
    ordering = ("owner_id",)
    fields = (
        "name", "uses_default_limit", "own_limit", "limit", "used_size", "trash_size",
        "reserved_size", "closing_since",
    )  # fmt: skip
    readonly_fields = (
        "name", "limit", "used_size", "trash_size", "reserved_size", "closing_since",
    )  # fmt: skip

    @admin.display(description="limit in force")
    def limit(self, account: Account) -> str:
        limit = account.limit_bytes
        return "unlimited" if limit is None else filesizeformat(limit)

    @admin.display(description="used, trash included")
    def used_size(self, account: Account) -> str:
        return filesizeformat(account.used)

    @admin.display(description="in trash")
    def trash_size(self, account: Account) -> str:
        return filesizeformat(account.in_trash)

    @admin.display(description="set aside for work under way")
    def reserved_size(self, account: Account) -> str:
        return filesizeformat(account.reserved)


@admin.register(StoredFile)
class StoredFileAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind", "state", "bytes", "owner_id", "recording_id", "created_at")
    list_filter = ("state", "kind", ("parked_at", admin.EmptyFieldListFilter))
    search_fields = ("file",)
    search_help_text = "The beginning of a name, or the number of a recording."
    ordering = ("-id",)
    exclude = ("file", "claim", "part")
    readonly_fields = ("name",)

    @admin.display(description="name")
    def name(self, stored: StoredFile) -> str:
        return str(stored.file.name)  # no link: bytes are served with a permission check

    @admin.display(description="size")
    def bytes(self, stored: StoredFile) -> str:
        return filesizeformat(stored.size)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return found_by(queryset, search_term, "file__startswith"), False


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin):
    list_display = (
        "sequence", "name", "size_in_words", "owner_name", "reason", "released_by", "gone_at",
    )  # fmt: skip
    list_display_links = ("name",)
    list_filter = ("reason", "kind")
    search_fields = ("name",)
    search_help_text = "The beginning of a name, a user name, or the number of a recording."
    ordering = ("-id",)
    change_list_template = "admin/ledger/receipt/change_list.html"

    @admin.display(description="size")
    def size_in_words(self, receipt: Receipt) -> str:
        return filesizeformat(receipt.size)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return found_by(queryset, search_term, "name__startswith", "owner_name"), False

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.export)
        return [
            path("export.<str:form>", view, name="ledger_receipt_export"),
            *super().get_urls(),
        ]

    def export(self, request: HttpRequest, form: str) -> HttpResponseBase:
        """Send every receipt, a line at a time."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if form not in FORMATS:
            raise Http404(f"Receipts come as {' or '.join(FORMATS)}.")
        lines, content_type = FORMATS[form]
        return StreamingHttpResponse(
            lines(Receipt.objects.all()),
            content_type=content_type,
            headers={"Content-Disposition": f'attachment; filename="receipts.{form}"'},
        )


@admin.register(Clock)
class ClockAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "seen_at", "doubted_at", "confirmed_by")
    fields = ("doubt", "doubted_at", "seen_at", "confirmed_by")
    actions = ("confirm",)

    @admin.action(description="The clock is right: purge and sweep again", permissions=["view"])
    def confirm(self, request: HttpRequest, queryset: QuerySet[Clock]) -> None:
        if clock.confirm(by=request.user.get_username()):
            self.say(request, "The clock is believed from now on; purging and sweeping go on.")
        else:
            self.refuse(request, "Nothing to do: nobody doubts the clock.")
