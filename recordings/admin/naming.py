"""Owners and recordings by name and with links, for rows that keep their plain numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from recordings.ledger.admin_base import LibraryAdmin
from recordings.ledger.models import Account
from recordings.models import ArchivedRecording, Recording

DIGITS = 18  # of any number that a row can have


def is_number(text: str) -> bool:
    """Whether somebody wrote what may be the number of a row."""
    return text.isdecimal() and len(text) <= DIGITS


@dataclass(slots=True)
class Names:
    """What the numbers on a page mean: who still is a user, who was one, which recordings stand."""

    users: dict[int, str] = field(default_factory=dict)
    owners: dict[int, str] = field(default_factory=dict)
    titles: dict[int, str] = field(default_factory=dict)
    archived: dict[int, str] = field(default_factory=dict)

    def owner(self, pk: int | None) -> str:
        if pk is None:
            return "-"
        return self.users.get(pk) or self.owners.get(pk) or f"owner {pk}"

    def recording(self, pk: int | None) -> str:
        """Say the title while the recording stands; titles are not kept beyond that."""
        if pk is None:
            return "-"
        if pk in self.archived:
            return f"{self.archived[pk]} (in the archive)"
        return self.titles.get(pk) or f"recording {pk} (not in the library)"

    def owner_link(self, pk: int | None) -> str | SafeString:
        return _link("auth_user", pk, self.owner(pk)) if pk in self.users else self.owner(pk)

    def recording_link(self, pk: int | None) -> str | SafeString:
        said = self.recording(pk)
        return _link("recordings_recording", pk, said) if pk in self.titles else said


def _link(model: str, pk: int | None, text: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{model}_change", args=[pk]), text)


def names_of(owner_ids: set[int], recording_ids: set[int]) -> Names:
    """Look names up, in four queries whatever their number."""
    users = get_user_model()._default_manager.filter(pk__in=owner_ids)
    accounts = Account.objects.filter(owner_id__in=owner_ids)
    recordings = Recording.objects.filter(pk__in=recording_ids)
    archive = ArchivedRecording.objects.archived().filter(recording_id__in=recording_ids)
    return Names(
        users={user.pk: user.get_username() for user in users},
        owners=dict(accounts.values_list("owner_id", "name")),
        titles=dict(recordings.values_list("pk", "title")),
        archived=dict(archive.values_list("recording_id", "title")),
    )


class NamingList(ChangeList):
    """A page of rows that know the names of all of them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list: Any = list(self.result_list)
        naming: Any = self.model_admin
        naming.meet(self.result_list)


class NamingAdmin(LibraryAdmin):
    """Shows whose rows are, as `owner`, and the recording that they are `about`."""

    def numbers(self, row: Any) -> tuple[int | None, int | None]:
        """Return the numbers of the owner and of the recording of a row."""
        return row.owner_id, row.recording_id

    def meet(self, rows: Sequence[Any]) -> None:
        numbers = [self.numbers(row) for row in rows]
        found = names_of(
            {owner for owner, _ in numbers if owner},
            {recording for _, recording in numbers if recording},
        )
        for row in rows:
            row.names = found

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return NamingList

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            self.meet([found])
        return found

    @admin.display(description="owner")
    def owner(self, row: Any) -> str | SafeString:
        said: str | SafeString = row.names.owner_link(self.numbers(row)[0])
        return said

    @admin.display(description="recording")
    def about(self, row: Any) -> str | SafeString:
        said: str | SafeString = row.names.recording_link(self.numbers(row)[1])
        return said
