"""Holds in the admin: placed on a recording or an owner, released, and kept as history."""

from __future__ import annotations

from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from recordings.admin.naming import NamingAdmin, is_number
from recordings.holds import hold_owner, hold_recording, refuse_past, waiting_to_go
from recordings.ledger.admin_base import CHANGED, has_changed, mark, number_of, selection
from recordings.ledger.exceptions import LedgerError
from recordings.ledger.models import Hold
from recordings.models import ArchivedRecording, Recording

NAMED = 20  # holds on the page that asks
SUGGESTED = 5  # recordings that words of a title may mean


class RecordingField(forms.CharField):
    """A recording by its number or by its title, in the library or in the archive."""

    def to_python(self, value: Any) -> int | None:  # type: ignore[override]
        text = super().to_python(value)
        self.run_validators(text)  # before the text is looked for
        if not text:
            return None
        if is_number(text) and is_known(int(text)):
            return int(text)
        found = called(text)
        if not found:
            raise forms.ValidationError(f"There is no recording {text}.")
        if len(found) > 1:
            named = ", ".join(f"{title} ({pk})" for pk, title in list(found.items())[:SUGGESTED])
            raise forms.ValidationError(f"Several are called so: give a number. {named}.")
        return next(iter(found))


def called(text: str) -> dict[int, str]:
    """Return the recordings of exactly this title, or else those with these words in it.

    A number that no recording has is no words: in a title it means something else. Upper and lower
    case are tried apart, since SQLite takes them for the same in ASCII alone.
    """
    archive = ArchivedRecording.objects.archived().order_by("-id")
    library = Recording.objects.order_by("-id")
    cases = {text, text.lower(), text.upper(), text.capitalize(), text.title()}
    for match in ("iexact",) if text.isdecimal() else ("iexact", "icontains"):
        wanted = reduce(or_, (Q((f"title__{match}", case)) for case in cases))
        found = dict(library.filter(wanted).values_list("pk", "title")[: SUGGESTED + 1])
        rest = archive.filter(wanted).values_list("recording_id", "title")[: SUGGESTED + 1]
        if found := {**found, **dict(rest)}:
            return found
    return {}


class PlaceHold(forms.ModelForm):  # type: ignore[type-arg]
    """A hold on one recording, or on everything of one owner."""

    recording_id = RecordingField(
        label="Recording",
        required=False,
        help_text="Its title, words of it, or its number; or name an owner.",
    )
    owner_name = forms.CharField(
        label="Owner", required=False, help_text="A user name: everything of this owner is held."
    )

    class Meta:
        model = Hold
        fields = ("recording_id", "reason", "until")

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        recording, owner = given.get("recording_id"), given.get("owner_name")
        if bool(recording or "recording_id" in self.errors) == bool(owner):
            raise forms.ValidationError("Give either a recording or an owner.")
        if owner:
            user = get_user_model().objects.filter(username=owner).first()
            if user is None:
                self.add_error("owner_name", f"There is no user {owner}.")
            given["owner"] = user and user.pk
        return given

    def clean_until(self) -> datetime | None:
        until: datetime | None = self.cleaned_data["until"]
        try:
            refuse_past(until)
        except LedgerError as error:
            raise forms.ValidationError(str(error)) from error
        return until


def is_known(pk: int) -> bool:
    """Whether there is such a recording, in the library or in the archive."""
    archived = ArchivedRecording.objects.archived().filter(recording_id=pk)
    return Recording.objects.filter(pk=pk).exists() or archived.exists()


class ForceFilter(admin.SimpleListFilter):
    title = "in force"
    parameter_name = "active"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("no", "Released or lapsed")]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Hold]:
        rows: QuerySet[Hold] = queryset
        if self.value() == "yes":
            return rows & Hold.objects.active()
        if self.value() == "no":
            return rows.filter(Q(released_at__isnull=False) | Q(until__lte=Now()))
        return rows


@admin.register(Hold)
class HoldAdmin(NamingAdmin):
    form = PlaceHold
    list_display = ("on", "reason", "until", "placed_by", "placed_at", "released_by", "released_at")
    list_filter = (ForceFilter,)
    search_fields = ("reason", "placed_by")
    ordering = ("-id",)
    actions = ("release_selected",)
    change_form_template = "admin/ledger/hold/change_form.html"

    @admin.display(description="on")
    def on(self, hold: Any) -> str:
        if hold.recording_id:
            return str(hold.names.recording(hold.recording_id))
        return f"everything of {hold.names.owner(hold.owner_id)}"

    @admin.display(description="on")
    def subject(self, hold: Any) -> SafeString | str:
        if hold.recording_id:
            return self.about(hold)
        return format_html("everything of {}", self.owner(hold))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ("recording_id", "owner_name", "reason", "until")
        return (
            "subject", "reason", "until", "placed_by", "placed_at", "released_by", "released_at",
        )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.get_fields(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # placed and released, never rewritten

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request)

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra: Any = None
    ) -> Any:
        """Turn what changed between the check and the placing into its sentence."""
        try:
            return super().changeform_view(request, object_id, form_url, extra)
        except (LedgerError, Recording.DoesNotExist, get_user_model().DoesNotExist) as error:
            self.refuse(request, error)
            return redirect("admin:ledger_hold_changelist")

    def save_model(self, request: HttpRequest, obj: Hold, form: Any, change: bool) -> None:
        given = form.cleaned_data
        terms = {
            "reason": given["reason"],
            "until": given["until"],
            "by": request.user.get_username(),
        }
        if given.get("recording_id"):
            hold = hold_recording(given["recording_id"], **terms)
        else:
            hold = hold_owner(given["owner"], **terms)
        obj.pk = hold.pk
        obj.refresh_from_db()

    @admin.action(description="Release selected holds", permissions=["view"])
    def release_selected(self, request: HttpRequest, queryset: QuerySet[Hold]) -> Any:
        holds = list(queryset.filter(released_at=None))
        confirmed = request.POST.get("confirmed") == "yes"
        changed = confirmed and has_changed(request, [hold.pk for hold in holds])
        if changed:
            self.refuse(request, CHANGED)
        if holds and (changed or not confirmed):
            return self.ask(request, holds)
        by = request.user.get_username()
        released = [hold for hold in holds if hold.release(by=by)]
        for hold in released:
            self.log_change(request, hold, "Released.")
        self.say(request, f"{number_of(len(released), 'hold')} released.")
        return None

    def ask(self, request: HttpRequest, holds: list[Hold]) -> HttpResponse:
        """Show what may go once these holds are lifted."""
        context = {
            "named": holds[:NAMED],
            "others": max(0, len(holds) - NAMED),
            "going": waiting_to_go(holds),
            "seen": mark(hold.pk for hold in holds),
            **selection(request),
        }
        title = f"Release {number_of(len(holds), 'hold')}"
        return self.page(request, "admin/ledger/hold/release.html", title, **context)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.release_one)
        return [path("<int:pk>/release/", view, name="ledger_hold_release"), *super().get_urls()]

    def release_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method == "POST" and self.has_view_permission(request):
            question = self.release_selected(request, Hold.objects.filter(pk=pk))
            if question:
                return question  # type: ignore[no-any-return]
        return redirect("admin:ledger_hold_change", pk)
