"""Lists of recordings in the admin: filters, and pages that take the same queries at any size."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest

from recordings.models import Recording
from recordings.querysets import RecordingQuerySet
from recordings.trash import set_sizes

LONG_TEXTS = ("description", "given_captions")


class RecordingList(ChangeList):
    """A page of recordings with size and holds, in two queries more whatever its length."""

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().get_queryset(request, *args, **kwargs).defer(*LONG_TEXTS)

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        page: list[Any] = list(self.result_list)
        self.result_list: Any = page
        pks = [recording.pk for recording in page]
        set_sizes(page)
        held = Recording.objects.filter(pk__in=pks).held()
        held_pks = set(held.values_list("pk", flat=True))
        for recording in page:
            recording.is_held = recording.pk in held_pks


class YesNoFilter(admin.SimpleListFilter):
    """A filter with two answers."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("no", "No")]


class TrashFilter(YesNoFilter):
    title = "in the trash"
    parameter_name = "trashed"

    def queryset(self, request: HttpRequest, queryset: Any) -> RecordingQuerySet:
        rows: RecordingQuerySet = queryset
        return {"yes": rows.trashed, "no": rows.live}.get(self.value() or "", rows.all)()


class HeldFilter(YesNoFilter):
    title = "on hold"
    parameter_name = "held"

    def queryset(self, request: HttpRequest, queryset: Any) -> RecordingQuerySet:
        rows: RecordingQuerySet = queryset
        return {"yes": rows.held, "no": rows.not_held}.get(self.value() or "", rows.all)()
