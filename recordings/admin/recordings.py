"""Recordings in the admin. *Delete* is the trash everywhere; for ever has a page of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.urls import path
from django.utils.safestring import SafeString

from recordings.admin import erasing
from recordings.admin.lists import HeldFilter, RecordingList, TrashFilter
from recordings.ledger.admin_base import CHANGED, LibraryAdmin, has_changed, number_of
from recordings.ledger.exceptions import Held
from recordings.ledger.wording import moment
from recordings.models import Recording
from recordings.querysets import RecordingQuerySet
from recordings.templatetags.library import clock
from recordings.trash import move_to_trash, restore, set_sizes
from recordings.uploads.details import language_code

SHOWN = 50  # files and jobs on one recording's page
MOST = 10_000  # recordings in one action; more is work for a policy


class RecordingForm(forms.ModelForm):  # type: ignore[type-arg]
    """Says what entering something does, where the site's pages say how things are."""

    class Meta:
        help_texts: ClassVar = {
            "keep": "Tick it, and no policy removes this recording.",
            "keep_until": "No policy removes it before; empty means that policies decide.",
            "expire_at": "The policy for recordings past their own date takes it then.",
            "language": "What is spoken, as a code such as en, ru or pt-br; empty: not said.",
        }

    def clean_language(self) -> str:
        code: str = self.cleaned_data["language"]
        if code:
            language_code(code)
        return code


@admin.register(Recording)
class RecordingAdmin(LibraryAdmin):
    form = RecordingForm
    list_display = ("title", "owner", "state", "size", "trash", "stays", "created_at")
    list_filter = ("state", TrashFilter, HeldFilter, "keep")
    list_select_related = ("owner",)
    search_fields = ("title", "=owner__username")
    search_help_text = "Words of the title, a user name, or a recording's number."
    ordering = ("-created_at", "-id")
    actions = ("trash_selected", "restore_selected", "erase_selected", "keep_on", "keep_off")
    fieldsets = (
        (None, {"fields": ("title", "description", "language", "keep", "keep_until", "expire_at")}),
        ("What it is", {"fields": ("owner", "state", "warning", "length", "picture", "size")}),
        ("When", {"fields": ("created_at", "recorded_at", "processed_at", "last_watched_at")}),
        ("Leaving", {"fields": ("trash", "trashed_by", "holds_in_force")}),
        ("Files and jobs", {"fields": ("files_table", "jobs_table")}),
    )
    readonly_fields = (
        "owner", "state", "warning", "length", "picture", "size", "created_at", "recorded_at",
        "processed_at", "last_watched_at", "trash", "trashed_by", "holds_in_force",
        "files_table", "jobs_table",
    )  # fmt: skip
    change_form_template = "admin/recordings/recording/change_form.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return RecordingList

    @admin.display(description="size")
    def size(self, recording: Any) -> str:
        if not hasattr(recording, "stored_size"):
            set_sizes([recording])
        return filesizeformat(recording.stored_size)

    @admin.display(description="in the trash at least until")
    def trash(self, recording: Recording) -> str:
        return moment(recording.purge_after)

    @admin.display(description="stays", empty_value="")
    def stays(self, recording: Recording) -> str:
        return ", ".join(["held"] * recording.is_held + ["kept"] * recording.is_kept)

    @admin.display(description="length")
    def length(self, recording: Recording) -> str:
        return "-" if recording.duration is None else clock(recording.duration)

    @admin.display(description="picture")
    def picture(self, recording: Recording) -> str:
        return f"{recording.width} × {recording.height}" if recording.width else "-"

    @admin.display(description="holds in force")
    def holds_in_force(self, recording: Recording) -> SafeString:
        holds = recording.holds().order_by("id")[:SHOWN]
        return render_to_string("admin/recordings/recording/_holds.html", {"holds": holds})

    @admin.display(description="files")
    def files_table(self, recording: Recording) -> SafeString:
        files = recording.files.select_related("stored").order_by("-id")[: SHOWN + 1]
        context = {
            "files": files[:SHOWN],
            "more": len(files) > SHOWN,
            "recording": recording,
            "held": recording.holds().exists(),
        }
        return render_to_string("admin/recordings/recording/_files.html", context)

    @admin.display(description="jobs")
    def jobs_table(self, recording: Recording) -> SafeString:
        jobs = recording.jobs.defer("log").order_by("-id")[:10]
        return render_to_string("admin/recordings/recording/_jobs.html", {"jobs": jobs})

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        found, duplicates = super().get_search_results(request, queryset, search_term)
        if search_term.strip().isdecimal():
            found |= queryset.filter(pk=int(search_term))
        return found, duplicates

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer the trash under the name that people and scripts know, `delete_selected`."""
        found: dict[str, Any] = super().get_actions(request)
        found.pop("delete_selected", None)
        trash = found.pop("trash_selected", None)
        if trash is None:
            return found
        return {"delete_selected": (trash[0], "delete_selected", trash[2]), **found}

    @admin.action(description="Delete selected recordings (into the trash)", permissions=["change"])
    def trash_selected(
        self, request: HttpRequest, queryset: RecordingQuerySet
    ) -> HttpResponse | None:
        def trash(pks: list[int]) -> int:
            erasing.refuse_held(pks)
            return move_to_trash(pks, by=request.user.get_username())

        pks = self.chosen(request, queryset)
        if has_changed(request, pks):
            self.refuse(request, CHANGED)
            return None
        try:
            self.carry_out(request, pks, trash, "moved to the trash; they can be restored there")
        except Held:
            return erasing.stop(self, request, pks, action="delete_selected")
        return None

    @admin.action(description="Restore selected recordings from the trash", permissions=["change"])
    def restore_selected(self, request: HttpRequest, queryset: RecordingQuerySet) -> None:
        self.carry_out(request, self.chosen(request, queryset), restore, "restored from the trash")

    @admin.action(description="Delete selected recordings for ever…", permissions=["change"])
    def erase_selected(
        self, request: HttpRequest, queryset: RecordingQuerySet
    ) -> HttpResponse | None:
        pks = self.chosen(request, queryset)
        return erasing.page(self, request, pks) if pks else None

    @admin.action(description="Keep: no policy removes them", permissions=["change"])
    def keep_on(self, request: HttpRequest, queryset: RecordingQuerySet) -> None:
        pks = self.chosen(request, queryset)
        self.carry_out(request, pks, lambda pks: set_keep(pks, True), "marked as kept")

    @admin.action(description="Keep no longer", permissions=["change"])
    def keep_off(self, request: HttpRequest, queryset: RecordingQuerySet) -> None:
        pks = self.chosen(request, queryset)
        self.carry_out(request, pks, lambda pks: set_keep(pks, False), "no longer kept")

    def chosen(self, request: HttpRequest, queryset: RecordingQuerySet) -> list[int]:
        """Return the numbers of a selection, or say why that is too much and return none."""
        rows = erasing.free(request, queryset)
        pks = list(rows.order_by().values_list("pk", flat=True)[: MOST + 1])
        if len(pks) <= MOST:
            return pks
        self.refuse(
            request,
            f"Nothing was changed: this can be done to {MOST:,} recordings at a time. "
            "Narrow the list, or let a policy do it.",
        )
        return []

    def carry_out(
        self,
        request: HttpRequest,
        pks: list[int],
        work: Callable[[list[int]], int],
        done: str,
    ) -> None:
        """Do something to a selection, note it in its history and say how much it was."""
        if not pks:
            return
        count = work(pks)
        if count:
            note(request, pks, done)
            self.say(request, f"{number_of(count, 'recording')} {done}.")
        else:
            self.refuse(request, "Nothing to do: that is so already.")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/erase/", view(self.erase_one), name="recordings_recording_erase"),
            path("<int:pk>/restore/", view(self.restore_one), name="recordings_recording_restore"),
            *super().get_urls(),
        ]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)  # deleting is trashing

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Move one recording to the trash; the stock page would load all that hangs on it."""
        recording = self.one(request, object_id)
        if isinstance(recording, HttpResponse):
            return recording
        if request.method == "POST":
            stopped = self.trash_selected(request, Recording.objects.filter(pk=recording.pk))
            return stopped or redirect("admin:recordings_recording_changelist")
        return self.page(
            request,
            "admin/recordings/recording/trash.html",
            "Move to the trash",
            recording=recording,
            weight=erasing.weigh([recording.pk]),
        )

    def erase_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        recording = self.one(request, str(pk))
        if isinstance(recording, HttpResponse):
            return recording
        answer = erasing.page(self, request, [recording.pk])
        return answer or redirect("admin:recordings_recording_changelist")

    def restore_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        recording = self.one(request, str(pk))
        if isinstance(recording, HttpResponse):
            return recording
        if request.method != "POST":
            return redirect("admin:recordings_recording_change", pk)
        self.restore_selected(request, Recording.objects.filter(pk=pk))
        return redirect("admin:recordings_recording_change", pk)

    def one(self, request: HttpRequest, object_id: str) -> Recording | HttpResponse:
        """Return the recording, or where to go when there is none. Raises PermissionDenied."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        found: Recording | None = self.get_object(request, object_id)
        return found or self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined]

    def delete_model(self, request: HttpRequest, obj: Recording) -> None:
        """Be the trash, should anything of Django's call this or the next."""
        move_to_trash([obj.pk], by=request.user.get_username())

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        pks = list(queryset.values_list("pk", flat=True))
        move_to_trash(pks, by=request.user.get_username())


def set_keep(pks: Sequence[int], keep: bool) -> int:
    return Recording.objects.filter(pk__in=pks).exclude(keep=keep).update(keep=keep)


def note(request: HttpRequest, pks: Sequence[int], message: str) -> None:
    """Write into the history of recordings that still stand."""
    rows = Recording.objects.filter(pk__in=pks).only("pk", "title")
    LogEntry.objects.log_actions(request.user.pk or 0, rows, CHANGE, f"{message.capitalize()}.")
