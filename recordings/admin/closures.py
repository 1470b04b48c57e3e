"""Closing an account: the page that asks, and the list of closures under way and done."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path

from recordings.closing import CannotClose, call_off, carry_on, close_account, way_of
from recordings.ledger.admin_base import ReadOnlyAdmin, Speaking
from recordings.ledger.models import Account, StoredFile
from recordings.models import ArchivedRecording, Closure, Recording


class ClosingForm(forms.Form):
    """Where the recordings go, and the user's name typed as a confirmation."""

    WAYS = (
        ("trash", "Into the trash: they can be restored for the usual time"),
        ("transfer", "To another user, with the room they take"),
        ("at_once", "Deleted for ever, at once"),
    )

    way = forms.ChoiceField(label="The recordings go", choices=WAYS, widget=forms.RadioSelect)
    transfer_to = forms.CharField(label="The other user", required=False)
    confirmation = forms.CharField(label="Type the user's name to confirm")

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_confirmation(self) -> str:
        text: str = self.cleaned_data["confirmation"].strip()
        if text != self.user.get_username():
            raise forms.ValidationError(f"Type {self.user.get_username()} to confirm.")
        return text

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        given["receiver"] = None
        if given.get("way") == "transfer":
            name = given.get("transfer_to") or ""
            given["receiver"] = get_user_model().objects.filter(username=name).first()
            if given["receiver"] is None:
                self.add_error("transfer_to", f"There is no user “{name}”: give a user name.")
        return given


def page(admin: Speaking, request: HttpRequest, user: Any) -> HttpResponse:
    """Show what an account has and ask what becomes of it; on a right answer begin."""
    form = ClosingForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            closure = close_account(
                user,
                by=request.user.get_username(),
                transfer_to=given["receiver"],
                at_once=given["way"] == "at_once",
            )
        except CannotClose as refusal:
            form.add_error(None, str(refusal))
        else:
            carry_on(closure, steps=2)  # the second says what it waits for; the rest by the tick
            admin.say(request, f"The account of {user} is being closed; {way_of(closure)}.")
            return redirect("admin:recordings_closure_change", closure.pk)
    title = f"Close the account of {user}"
    context = {"user_closed": user, "form": form, **what_he_has(user)}
    return admin.page(request, "admin/recordings/closure/close.html", title, **context)


def what_he_has(user: Any) -> dict[str, Any]:
    """Count what is at stake, in six queries whatever its number."""
    mine = Recording.objects.filter(owner=user)
    files = StoredFile.objects.filter(owner_id=user.pk, state=StoredFile.State.READY)
    trashed = Count("pk", filter=Q(trashed_at__isnull=False))
    archived = ArchivedRecording.objects.archived().filter(owner_id=user.pk)
    archive = archived.aggregate(count=Count("pk"), size=Sum("size", default=0))
    return {
        "account": Account.objects.of(user.pk),
        "counts": mine.aggregate(all=Count("pk"), trashed=trashed),
        "held": mine.held().count(),
        "files": files.count(),
        "archive": {**archive, "held": archive["count"] - archived.not_held().count()},
    }


@admin.register(Closure)
class ClosureAdmin(ReadOnlyAdmin):
    list_display = (
        "owner_name",
        "closed_by",
        "way",
        "moved",
        "message",
        "started_at",
        "finished_at",
    )
    list_filter = (("finished_at", admin.EmptyFieldListFilter),)
    search_fields = ("owner_name",)
    ordering = ("-id",)
    fields = (
        "owner_name", "closed_by", "way", "moved", "message", "started_at", "finished_at",
    )  # fmt: skip
    readonly_fields = ("way",)
    change_form_template = "admin/recordings/closure/change_form.html"

    @admin.display(description="the recordings")
    def way(self, closure: Closure) -> str:
        return way_of(closure)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.call_off)
        name = "recordings_closure_call_off"
        return [path("<int:pk>/call-off/", view, name=name), *super().get_urls()]

    def call_off(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Stop a closure where it stands."""
        found = Closure.objects.filter(pk=pk).first()
        if request.method == "POST" and found and self.has_view_permission(request):
            if call_off(found, by=request.user.get_username()):
                self.say(request, f"{found.owner_name} can be given a new password and sign in.")
            else:
                self.refuse(request, "It is too late: this account is closed.")
        return redirect("admin:recordings_closure_change", pk)
