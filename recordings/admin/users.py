"""Users in the admin: the stock pages, with quota and closing, and a delete that loads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Q
from django.db.models.deletion import ProtectedError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.urls import path

from recordings.admin import closures
from recordings.ledger.admin_base import Speaking, number_of
from recordings.ledger.exceptions import LedgerError
from recordings.ledger.models import Account
from recordings.ledger.permissions import ADMINISTER
from recordings.models import Recording
from recordings.trash import erase

User = get_user_model()
MOST_TRASHED = 2000  # recordings that go together with deleted users in one request


class UserList(ChangeList):
    """A page of users with what they store, in one query more."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        page: list[Any] = list(self.result_list)
        self.result_list: Any = page
        accounts = Account.objects.filter(owner_id__in=[user.pk for user in page])
        found = {account.owner_id: account for account in accounts}
        for user in page:
            user.account = found.get(user.pk)


admin.site.unregister(User)


@admin.register(User)
class UserAdmin(StockUserAdmin, Speaking):  # type: ignore[type-arg]
    """Deleting is refused in a sentence while recordings stand; closing an account moves them."""

    list_display = ("username", "email", "is_staff", "is_active", "last_login", "storage")
    readonly_fields = ("last_login", "date_joined", "storage")
    sortable_by = ("username", "email")
    change_form_template = "admin/auth/user/change_form.html"
    delete_confirmation_template = "admin/auth/user/delete.html"
    delete_selected_confirmation_template = "admin/auth/user/delete_selected.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return UserList

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        return fieldsets if obj is None else (*fieldsets, ("Storage", {"fields": ("storage",)}))

    @admin.display(description="storage")
    def storage(self, user: Any) -> str:
        account: Account = getattr(user, "account", None) or Account.objects.of(user.pk)
        limit = account.limit_bytes
        room = "unlimited room" if limit is None else filesizeformat(limit)
        trash = filesizeformat(account.in_trash)
        return f"{filesizeformat(account.used)} of {room}, {trash} of it in the trash"

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/close/", view(self.close_account), name="auth_user_close"),
            path("<int:pk>/quota/", view(self.quota), name="auth_user_quota"),
            *super().get_urls(),
        ]

    def quota(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Lead to the account of a user, opening it when he has none."""
        if not self.has_view_permission(request) or self.get_object(request, str(pk)) is None:
            raise PermissionDenied
        return redirect("admin:ledger_account_change", Account.objects.of(pk).pk)

    def close_account(self, request: HttpRequest, pk: int) -> HttpResponse:
        user = self.get_object(request, str(pk))
        if user is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(pk))  # type: ignore[attr-defined,no-any-return]
        if not may_close(request, user) or not self.has_delete_permission(request, user):
            raise PermissionDenied
        if user == request.user:
            self.refuse(request, "You cannot close the account that you are signed in with.")
            return redirect("admin:auth_user_change", pk)
        return closures.page(self, request, user)

    def get_deleted_objects(self, objs: Iterable[Any], request: HttpRequest) -> Any:
        """Say in a line a user what would go, without loading a single recording."""
        users = list(objs)
        stakes = at_stake(users)
        protected = [said for user in users if (said := refusal(user, stakes[user.pk]))]
        trashed = sum(stake.trashed for stake in stakes.values())
        if not protected and trashed > MOST_TRASHED:
            protected = [f"{number_of(trashed, 'recording')} in the trash: close the accounts."]
        summary = {"users": len(users), "recordings in the trash, for ever": trashed}
        lines = [what_goes(user, stakes[user.pk]) for user in users]
        return lines, summary, set(), protected

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except (ProtectedError, LedgerError) as error:  # placed or uploaded since we looked
            self.refuse(request, sentence_of(error))
            return redirect("admin:auth_user_change", object_id)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        try:
            return super().changelist_view(request, extra_context)
        except (ProtectedError, LedgerError) as error:
            self.refuse(request, sentence_of(error))
            return redirect(request.get_full_path())

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic():  # the trash goes with its owner or not at all
            erase_trashed(obj, by=request.user.get_username())
            obj.delete()

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for user in queryset:
            self.delete_model(request, user)


def may_close(request: HttpRequest, user: Any) -> bool:
    """Only a superuser closes a superuser's account."""
    staff: Any = request.user
    return bool(staff.has_perm(ADMINISTER) and (staff.is_superuser or not user.is_superuser))


@dataclass(slots=True)
class Stake:
    """What goes with a user, or keeps him: recordings, and the bytes of those in the trash."""

    live: int = 0
    trashed: int = 0
    held: bool = False
    trash_bytes: int = 0


def at_stake(users: Sequence[Any]) -> dict[int, Stake]:
    """Count what users have, in three queries whatever their number."""
    stakes = {user.pk: Stake() for user in users}
    mine = Recording.objects.filter(owner__in=stakes)
    trashed = Count("pk", filter=Q(trashed_at__isnull=False))
    counts = mine.order_by().values_list("owner").annotate(all=Count("pk"), trashed=trashed)
    for pk, count, in_trash in counts:
        stakes[pk].live, stakes[pk].trashed = count - in_trash, in_trash
    for pk in mine.held().order_by().values_list("owner", flat=True).distinct():
        stakes[pk].held = True
    for account in Account.objects.filter(owner_id__in=stakes):
        stakes[account.owner_id].trash_bytes = account.in_trash
    return stakes


def refusal(user: Any, stake: Stake) -> str:
    """Say why a user cannot be deleted; empty when he can."""
    if stake.live:
        return (
            f"{user} has {number_of(stake.live + stake.trashed, 'recording')} ({stake.trashed} in "
            "the trash): close the account, which transfers them or moves them to the trash."
        )
    if stake.held:
        return f"{user} has recordings on hold: they stay until the holds are released."
    return ""


def what_goes(user: Any, stake: Stake) -> str:
    if not stake.trashed:
        return f"{user}, who has no recordings"
    count, size = number_of(stake.trashed, "recording"), filesizeformat(stake.trash_bytes)
    return f"{user}, with {count} in the trash ({size}), for ever"


def erase_trashed(user: Any, *, by: str) -> None:
    """Let a user's trash go set by set; the cascade would load every file. Raises Held."""
    pks = Recording.objects.filter(owner=user).trashed().values_list("pk", flat=True)
    erase(list(pks), by=by)


def sentence_of(error: Exception) -> str:
    return str(error.args[0] if error.args else error)
