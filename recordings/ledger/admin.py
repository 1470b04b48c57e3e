"""The ledger in the admin: quotas to set, and the clock to confirm."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat

from recordings.ledger import clock
from recordings.ledger.admin_base import LibraryAdmin, ReadOnlyAdmin
from recordings.ledger.forms import QuotaForm
from recordings.ledger.models import Account, Clock


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
