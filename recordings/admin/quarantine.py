"""What is in quarantine: what it was, how long it can be put back, and putting it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat

from recordings import periods
from recordings.admin.naming import NamingAdmin
from recordings.ledger import quarantine
from recordings.ledger.admin_base import ReadOnlyAdmin, number_of, selection
from recordings.ledger.exceptions import LedgerError
from recordings.ledger.models import Quarantined
from recordings.ledger.names import former_name, parse
from recordings.ledger.wording import moment

NAMED = 20  # files on the page that asks


@admin.register(Quarantined)
class QuarantineAdmin(NamingAdmin, ReadOnlyAdmin):
    list_display = ("name", "bytes", "owner", "about", "since", "goes")
    ordering = ("-id",)
    actions = ("put_back",)
    fields = ("name", "bytes", "owner", "about", "since", "by", "goes")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(pk__in=quarantine.settled().values("pk"))

    def numbers(self, row: Quarantined) -> tuple[int | None, int | None]:
        """Read them from the name: no row knew these bytes, so none says whose they are."""
        parsed = parse(self.name(row))
        return (parsed.owner_id, parsed.recording_id) if parsed else (None, None)

    def meet(self, rows: Sequence[Quarantined]) -> None:
        super().meet(rows)
        stay = periods.stay("quarantine")
        for row in rows:
            row.goes_at = row.ready_at + stay if row.ready_at and stay is not None else None

    @admin.display(description="former name")
    def name(self, stored: Quarantined) -> str:
        return former_name(str(stored.file.name))

    @admin.display(description="size")
    def bytes(self, stored: Quarantined) -> str:
        return filesizeformat(stored.size)

    @admin.display(description="in quarantine since")
    def since(self, stored: Quarantined) -> str:
        return moment(stored.ready_at)

    @admin.display(description="put there by")
    def by(self, stored: Quarantined) -> str:
        return stored.released_by or "-"

    @admin.display(description="goes for ever after")
    def goes(self, stored: Quarantined) -> str:
        """Nothing goes before; what is on hold stays longer."""
        return moment(stored.goes_at, "no policy removes it")

    @admin.action(description="Put back under their former names…", permissions=["view"])
    def put_back(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Ask first; then each that cannot be put back says why."""
        chosen = list(queryset.order_by("pk"))
        if request.POST.get("confirmed") != "yes":
            return self.ask(request, chosen)
        for stored in chosen:
            try:
                name = quarantine.restore(stored.pk, by=request.user.get_username())
            except LedgerError as error:
                self.refuse(request, error)
            else:
                self.say(request, f"A file is back at {name}.")
        return None

    def ask(self, request: HttpRequest, chosen: list[Quarantined]) -> HttpResponse:
        context = {
            "named": [(self.name(stored), stored.size) for stored in chosen[:NAMED]],
            "others": max(0, len(chosen) - NAMED),
            **selection(request),
        }
        title = f"Put {number_of(len(chosen), 'file')} back"
        return self.page(request, "admin/ledger/quarantined/put_back.html", title, **context)
