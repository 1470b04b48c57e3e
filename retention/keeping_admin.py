"""Requests to keep in the admin: one or many, granted or declined after a look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.contrib.admin import helpers
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from recordings.ledger.admin_base import ReadOnlyAdmin, number_of, owner_name, with_owner_name
from recordings.ledger.wording import moment
from recordings.models import Recording
from retention import keeping, notices
from retention.exceptions import RetentionError
from retention.explain import explain
from retention.models import KeepRequest

MOST: Final = 500  # requests answered at once
NAMED: Final = 20  # on the page that asks


class GrantForm(forms.Form):
    """How long recordings are kept, and what their owners are told."""

    HOW: Final = [("asked", "As asked for"), ("keep", "For good"), ("until", "Until this date")]

    how = forms.ChoiceField(choices=HOW, initial="asked", label="Keep them")
    until = forms.DateTimeField(
        required=False,
        label="Date",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    answer = forms.CharField(max_length=500, required=False, help_text="For the owners.")

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        until = given.get("until")
        if given.get("how") == "until" and "until" not in self.errors:
            if until is None:
                self.add_error("until", "Give the date until which they are kept.")
            elif until <= timezone.now():
                self.add_error("until", "This date has passed: give a later one.")
        return given

    def until_of(self, request: KeepRequest) -> datetime | None:
        """Return until when a request is granted; None for good."""
        how = self.cleaned_data["how"]
        if how == "asked":
            return request.until
        until: datetime | None = self.cleaned_data["until"] if how == "until" else None
        return until


class DeclineForm(forms.Form):
    answer = forms.CharField(max_length=500, required=False, help_text="For the owners.")


@admin.register(KeepRequest)
class KeepRequestAdmin(ReadOnlyAdmin):
    list_display = (
        "title", "owner", "reason", "wanted", "state", "asked_at", "decided_by",
    )  # fmt: skip
    list_filter = ("state",)
    search_fields = ("title", "=asked_by")
    search_help_text = "Words of the title, or the user name of who asked."
    ordering = ("-id",)
    actions = ("grant_selected", "decline_selected")
    fields = (
        "recording", "leaves", "owner", "reason", "wanted", "asked_by", "asked_at", "state",
        "outcome", "granted_until", "answer", "decided_by", "decided_at",
    )  # fmt: skip
    readonly_fields = ("recording", "leaves", "owner", "wanted", "outcome")
    change_form_template = "admin/retention/keeprequest/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[KeepRequest]:
        return with_owner_name(super().get_queryset(request))

    @admin.display(description="owner")
    def owner(self, asked: KeepRequest) -> str:
        return owner_name(asked)

    @admin.display(description="until")
    def wanted(self, asked: KeepRequest) -> str:
        return moment(asked.until, "for good")

    @admin.display(description="recording")
    def recording(self, asked: KeepRequest) -> str | SafeString:
        if not Recording.objects.filter(pk=asked.recording_id).exists():
            return f"{asked.title} (gone)"
        address = reverse("admin:recordings_recording_change", args=[asked.recording_id])
        return format_html('<a href="{}">{}</a>', address, asked.title)

    @admin.display(description="what becomes of it")
    def leaves(self, asked: KeepRequest) -> str:
        found = Recording.objects.filter(pk=asked.recording_id).first()
        return explain(found).sentence if found else "It is gone for ever."

    @admin.display(description="what came of it")
    def outcome(self, asked: KeepRequest) -> str:
        return capfirst(keeping.with_outcomes([asked])[0][1])

    @admin.action(description="Grant selected requests…", permissions=["view"])
    def grant_selected(self, request: HttpRequest, queryset: QuerySet[KeepRequest]) -> Any:
        def grant(form: Any, asked: KeepRequest) -> None:
            by, answer = request.user.get_username(), form.cleaned_data["answer"]
            keeping.grant(asked, by=by, until=form.until_of(asked), answer=answer)

        return self.answer(request, queryset, "grant", GrantForm, grant)

    @admin.action(description="Decline selected requests…", permissions=["view"])
    def decline_selected(self, request: HttpRequest, queryset: QuerySet[KeepRequest]) -> Any:
        def decline(form: Any, asked: KeepRequest) -> None:
            by = request.user.get_username()
            keeping.decline(asked, by=by, answer=form.cleaned_data["answer"])

        return self.answer(request, queryset, "decline", DeclineForm, decline)

    def answer(
        self,
        request: HttpRequest,
        queryset: QuerySet[KeepRequest],
        verb: str,
        kind: type[forms.Form],
        act: Callable[[Any, KeepRequest], None],
    ) -> HttpResponse | None:
        """Ask how, then answer each request that is still open, and tell the owners."""
        chosen = list(queryset.filter(state=KeepRequest.State.OPEN).order_by("pk")[: MOST + 1])
        if not chosen or len(chosen) > MOST:
            why = f"answer at most {MOST} at once" if chosen else "none of these is open"
            self.refuse(request, f"Nothing was changed: {why}.")
            return None
        form = kind(request.POST if request.POST.get("confirmed") == "yes" else None)
        if not form.is_valid():
            return self.ask(request, chosen, verb, form)
        done = [asked for asked in chosen if self.answered(request, asked, form, act)]
        notices.tell_answers(done)
        for asked in done:
            self.log_change(request, asked, f"{asked.get_state_display().capitalize()}.")
        if done:
            past = "granted" if verb == "grant" else "declined"
            self.say(request, f"{number_of(len(done), 'request')} {past}.")
        return None

    def answered(
        self,
        request: HttpRequest,
        asked: KeepRequest,
        form: forms.Form,
        act: Callable[[Any, KeepRequest], None],
    ) -> bool:
        try:
            act(form, asked)
        except RetentionError as error:
            self.refuse(request, f"“{asked.title}”: {error}")
            return False
        return True

    def ask(
        self, request: HttpRequest, chosen: Sequence[KeepRequest], verb: str, form: forms.Form
    ) -> HttpResponse:
        context = {
            "named": chosen[:NAMED],
            "others": max(0, len(chosen) - NAMED),
            "verb": verb,
            "form": form,
            "selected": [asked.pk for asked in chosen],
            "checkbox": helpers.ACTION_CHECKBOX_NAME,
            "address": reverse("admin:retention_keeprequest_changelist"),
        }
        title = f"{verb.capitalize()} {number_of(len(chosen), 'request')}"
        return self.page(request, "admin/retention/keeprequest/answer.html", title, **context)

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        name = "retention_keeprequest"
        return [
            path("<int:pk>/grant/", wrap(self.grant_one), name=f"{name}_grant"),
            path("<int:pk>/decline/", wrap(self.decline_one), name=f"{name}_decline"),
            *super().get_urls(),
        ]

    def grant_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.one(request, pk, self.grant_selected)

    def decline_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.one(request, pk, self.decline_selected)

    def one(self, request: HttpRequest, pk: int, act: Callable[..., Any]) -> HttpResponse:
        allowed = request.method == "POST" and self.has_view_permission(request)
        question = act(request, self.get_queryset(request).filter(pk=pk)) if allowed else None
        return question or redirect("admin:retention_keeprequest_change", pk)
