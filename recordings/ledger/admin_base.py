"""What the admin's pages over big tables share: who may see them, short lists, asking first."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cached_property
from hashlib import sha256
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin import ModelAdmin, ShowFacets, helpers
from django.core.paginator import Paginator
from django.db import connection, models
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.http.response import HttpResponse
from django.template.response import TemplateResponse

from recordings.ledger.models import Account
from recordings.ledger.permissions import ADMINISTER

COUNTED = 10_000  # rows counted exactly; beyond that a number is an estimate
SEEN = "seen"  # sent by pages that ask, for the answer to be about what they showed
CHANGED = "Nothing was changed: by now others are selected than you saw. Look again."
PAGES = 100  # an OFFSET gets dearer with depth; a search or filter finds what lies deeper


class EstimatingPaginator(Paginator):  # type: ignore[type-arg]
    """Pages without a COUNT over the table: exact up to COUNTED rows, an estimate above."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        counted = int(rows.order_by().values("pk")[: COUNTED + 1].count())
        if counted <= COUNTED or rows.query.where:
            return counted
        return max(counted, estimate(rows.model))

    @cached_property
    def num_pages(self) -> int:
        return min(super().num_pages, PAGES)


def estimate(model: type[models.Model]) -> int:
    """Return what PostgreSQL's statistics say of a table's size; 0 where nobody has counted."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass",
            [connection.ops.quote_name(model._meta.db_table)],
        )
        row = cursor.fetchone()
    return max(0, int(row[0])) if row else 0


class Speaking(ModelAdmin):  # type: ignore[type-arg]
    """Sentences and pages of ours in the admin's frame, and lists that count little."""

    paginator = EstimatingPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0

    def say(self, request: HttpRequest, sentence: str) -> None:
        self.message_user(request, sentence, messages.SUCCESS)

    def refuse(self, request: HttpRequest, sentence: object) -> None:
        self.message_user(request, str(sentence), messages.ERROR)

    def page(self, request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
        """Render a page of ours in the admin's frame."""
        request.current_app = self.admin_site.name
        frame = self.admin_site.each_context(request)
        own = {"title": title, "opts": self.opts, "media": self.media}
        return TemplateResponse(request, template, {**frame, **own, **context})


class LibraryAdmin(Speaking):
    """For administrators, whatever single permissions they have; nothing is added or deleted."""

    sortable_by: ClassVar[Any] = ()  # a sort needs an index, and the ordering has it

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(ADMINISTER)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(ADMINISTER)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(ADMINISTER)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write the changed columns alone: workers write the others while a person looks."""
        if not change:
            obj.save()
        elif changed := [name for name in form.changed_data if name in form.cleaned_data]:
            obj.save(update_fields=changed)


class ReadOnlyAdmin(LibraryAdmin):
    """For rows that only the product itself writes."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def with_owner_name(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Name owners, those who are gone among them, without a query a row."""
    name = Account.objects.filter(owner_id=OuterRef("owner_id")).values("name")
    named: QuerySet[Any] = rows.annotate(owner_name=Subquery(name))
    return named


def owner_name(row: Any) -> str:
    """Say whose something is that came `with_owner_name`."""
    return row.owner_name or f"owner {row.owner_id}"


def selection(request: HttpRequest) -> dict[str, Any]:
    """What a page that asks first sends along, for the answer to be about the same rows."""
    return {
        "selected": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
        "checkbox": helpers.ACTION_CHECKBOX_NAME,
        "across": request.POST.get("select_across", "0"),
    }


def mark(pks: Iterable[int]) -> str:
    """Return a mark of a selection, which another selection of as many does not have."""
    return sha256(",".join(map(str, sorted(pks))).encode()).hexdigest()


def has_changed(request: HttpRequest, pks: Collection[int]) -> bool:
    """Whether this is another selection than was shown; no where nothing says what was."""
    return request.POST.get(SEEN, mark(pks)) != mark(pks)


def number_of(count: int, noun: str) -> str:
    """Say how many in words: `1 recording`, `2,000 recordings`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
