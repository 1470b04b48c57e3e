"""Stored files and receipts to read: whose, of which recording, what becomes of them."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import path

from recordings.admin.lists import YesNoFilter
from recordings.admin.naming import NamingAdmin, is_number
from recordings.ledger import export
from recordings.ledger.admin_base import ReadOnlyAdmin
from recordings.ledger.models import Receipt, StoredFile
from recordings.processing.models import rule_in_words

FORMATS = {"csv": (export.as_csv, "text/csv"), "json": (export.as_json, "application/json")}


def found_by(rows: QuerySet[Any], search_term: str, *lookups: str) -> QuerySet[Any]:
    """Search by what has an index: the recording's number, else any of `lookups`."""
    term = search_term.strip()
    if is_number(term):
        return rows.filter(recording_id=int(term))
    wanted = (Q(**{lookup: term}) for lookup in lookups)
    return rows.filter(reduce(or_, wanted)) if term else rows


class GivenUpFilter(YesNoFilter):
    title = "removal given up"
    parameter_name = "given_up"

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[StoredFile]:
        rows: QuerySet[StoredFile] = queryset
        return rows.filter(parked_at__isnull=self.value() == "no") if self.value() else rows


class StoredFileForm(forms.ModelForm):  # type: ignore[type-arg]
    """Says in words what the columns mean that workers write."""

    class Meta:
        labels: ClassVar = {
            "sha256": "SHA-256",
            "trashed": "In the trash",
            "reserved": "Room reserved, bytes",
            "ready_at": "Verified at",
            "condemned_at": "Removal decided at",
            "claimed_by": "Worker",
            "lease_until": "Worker's until",
            "not_before": "Removed not before",
            "attempts": "Failed attempts",
            "last_error": "Last failure",
            "parked_at": "Removal given up at",
        }
        help_texts: ClassVar = {
            "reserved": "Of the owner's quota, while the file is being written.",
            "condemned_at": "From then on it counts for no quota, and its bytes must go.",
            "claimed_by": "The process that writes, moves or removes it just now.",
            "lease_until": "After that another process may take it over.",
            "not_before": "After a failure the next attempt waits, longer each time.",
            "parked_at": f"After {StoredFile.PARK_AFTER} failures; the command purge tries again.",
        }


@admin.register(StoredFile)
class StoredFileAdmin(NamingAdmin, ReadOnlyAdmin):
    form = StoredFileForm
    list_display = ("name", "kind", "state", "bytes", "owner", "about", "created_at")
    list_filter = ("state", "kind", GivenUpFilter)
    search_fields = ("file",)
    search_help_text = "The beginning of a name, or the number of a recording."
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("name", "storage", "kind", "state", "bytes", "owner", "about")}),
        ("Content", {"fields": ("sha256", "trashed", "created_at", "ready_at")}),
        ("Removal", {"fields": ("reason", "by", "condemned_at", "not_before", "parked_at")}),
        (
            "Work on it",
            {"fields": ("reserved", "claimed_by", "lease_until", "attempts", "last_error")},
        ),
    )
    readonly_fields = ("name", "bytes", "owner", "about", "by")

    @admin.display(description="name")
    def name(self, stored: StoredFile) -> str:
        return str(stored.file.name)  # no link: bytes are served with a permission check

    @admin.display(description="released by")
    def by(self, stored: StoredFile) -> str:
        return rule_in_words(stored.released_by) or "-"

    @admin.display(description="size")
    def bytes(self, stored: StoredFile) -> str:
        return filesizeformat(stored.size)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return found_by(queryset, search_term, "file__startswith"), False


@admin.register(Receipt)
class ReceiptAdmin(NamingAdmin, ReadOnlyAdmin):
    list_display = (
        "sequence", "name", "size_in_words", "owner_name", "about", "reason", "by", "gone_at",
    )  # fmt: skip
    list_display_links = ("name",)
    list_filter = ("reason", "kind")
    search_fields = ("name",)
    search_help_text = "The beginning of a name, a user name, or the number of a recording."
    ordering = ("-id",)
    change_list_template = "admin/ledger/receipt/change_list.html"
    fields = (
        "name", "about", "owner_name", "kind", "size", "sha256", "reason", "by", "released_at",
        "gone_at", "storage", "sequence", "previous_hash", "hash",
    )  # fmt: skip
    readonly_fields = ("about", "by")

    @admin.display(description="released by")
    def by(self, receipt: Receipt) -> str:
        return rule_in_words(receipt.released_by) or "-"

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
