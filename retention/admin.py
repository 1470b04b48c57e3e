"""Retention in the admin: policies, with what they do and did. Their runs are in runs_admin.py."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from recordings.ledger.admin_base import LibraryAdmin
from retention import admin_health as admin_health  # registers its pages
from retention import resting, runs, schedule, words
from retention.choices import Mode
from retention.exceptions import RetentionError
from retention.forms import PolicyForm, target_choices
from retention.impact import View
from retention.keeping_admin import KeepRequestAdmin
from retention.models import RetentionPolicy, RetentionSwitch
from retention.runs_admin import RunAdmin, RunItemAdmin, in_words, to_the_second
from retention.scopes import meet

__all__ = ["KeepRequestAdmin", "PolicyAdmin", "RunAdmin", "RunItemAdmin"]

CHANGED: Final = "The policy has changed meanwhile: look at it again."
ASKED: Final = {Mode.PLAN: "Previewed by run {}.", Mode.EXECUTE: "Started run {} by hand."}
FIELDSETS: Any = (
    (None, {"fields": ("summary", "acceptance", "next_due", "last_run")}),
    ("What", {"fields": ("name", "slug", "enabled", "target", "action")}),
    ("Which", {
        "description": "With several rules, only what every one of them asks for goes.",
        "fields": (
            "max_age_seconds", "clock", "keep_newest", "max_total_bytes",
            ("disk_high_percent", "disk_low_percent"), "owners", "groups", "labels",
        ),
    }),
    ("Which files in a folder", {
        "classes": ("collapse",),
        "description": "For the target “files in a folder” alone.",
        "fields": ("path", "glob", "recursive"),
    }),
    ("When", {"fields": ("crontab", "timezone", "every_seconds", "at_startup")}),
    ("Limits", {
        "description": "A run that would remove more waits until an administrator approves it.",
        "fields": ("limit_items", "limit_bytes", "limit_percent", "backup_first"),
    }),
    ("Who is told", {"fields": ("notify_mail", "notify_webhook")}),
)  # fmt: skip


class TargetFilter(admin.SimpleListFilter):
    title = "target"
    parameter_name = "target"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return target_choices()

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[RetentionPolicy]:
        rows: QuerySet[RetentionPolicy] = queryset
        return rows.filter(target=self.value()) if self.value() else rows


@admin.register(RetentionPolicy)
class PolicyAdmin(LibraryAdmin):
    form = PolicyForm
    fieldsets = FIELDSETS
    readonly_fields = ("summary", "acceptance", "next_due", "last_run")
    list_display = (
        "name", "slug", "summary", "enabled", "acceptance", "next_due", "last_run",
    )  # fmt: skip
    list_filter = ("enabled", TargetFilter, "action")
    search_fields = ("name", "slug")
    actions = ("enable_selected", "disable_selected", "preview_selected")
    change_list_template = "admin/retention/retentionpolicy/change_list.html"
    change_form_template = "admin/retention/retentionpolicy/change_form.html"
    delete_confirmation_template = "admin/retention/retentionpolicy/delete.html"
    delete_selected_confirmation_template = "admin/retention/retentionpolicy/delete_selected.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[RetentionPolicy]:
        return RetentionPolicy.objects.with_last_run(mode=Mode.EXECUTE).order_by(
            *self.get_ordering(request)
        )

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        shown = super().get_changelist_instance(request)
        meet(shown.result_list)
        return shown

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return FIELDSETS[1:]
        if obj.path:
            return [(name, {**shown, "classes": ()}) for name, shown in FIELDSETS]
        return FIELDSETS

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.save()  # the whole row: which version it gets depends on all of it

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        answer = super().response_change(request, obj)
        if not obj.may_act:
            self.message_user(request, resting.awaiting(obj), messages.WARNING)
        return answer

    @admin.display(description="what it does")
    def summary(self, policy: RetentionPolicy) -> str:
        return policy.summary

    @admin.display(description="accepted")
    def acceptance(self, policy: RetentionPolicy) -> str | SafeString:
        if policy.accepted_version == policy.version:
            return f"Yes, by {policy.accepted_by}"
        if policy.may_act:
            return "Needs none, since it removes nothing"
        address = reverse("admin:retention_retentionpolicy_accept", args=[policy.pk])
        return format_html('<a href="{}">No: it removes nothing until you accept it</a>', address)

    @admin.display(description="next due at")
    def next_due(self, policy: RetentionPolicy) -> str:
        return to_the_second(policy.next_due_at)

    @admin.display(description="last run")
    def last_run(self, policy: RetentionPolicy) -> str | SafeString:
        run = policy.last_run
        if run is None:
            return "None yet"
        address = reverse("admin:retention_retentionrun_change", args=[run.pk])
        return format_html('<a href="{}">{}</a>', address, in_words(run))

    @admin.action(description="Enable selected policies", permissions=["change"])
    def enable_selected(self, request: HttpRequest, queryset: QuerySet[RetentionPolicy]) -> None:
        self.turn(request, queryset, enabled=True)

    @admin.action(description="Disable selected policies", permissions=["change"])
    def disable_selected(self, request: HttpRequest, queryset: QuerySet[RetentionPolicy]) -> None:
        self.turn(request, queryset, enabled=False)

    def turn(
        self, request: HttpRequest, queryset: QuerySet[RetentionPolicy], *, enabled: bool
    ) -> None:
        """Turn policies on or off, each with a line in its history."""
        said = "enabled" if enabled else "disabled"
        LogEntry.objects.log_actions(
            request.user.pk or 0, list(queryset), CHANGE, f"{said.capitalize()}."
        )
        self.say(request, f"Policies {said}: {queryset.update(enabled=enabled)}.")

    @admin.action(description="Preview selected policies", permissions=["change"])
    def preview_selected(self, request: HttpRequest, queryset: QuerySet[RetentionPolicy]) -> None:
        for policy in queryset:
            try:
                run = runs.ask(policy, mode=Mode.PLAN, by=request.user.get_username())
                self.log_change(request, policy, ASKED[Mode.PLAN].format(run.pk))
                self.say(request, f"{policy} is planned: its run shows what it would remove.")
            except RetentionError as error:
                self.refuse(request, f"{policy}: {error}")

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        name = "retention_retentionpolicy"
        return [
            path("<int:pk>/accept/", wrap(self.accept), name=f"{name}_accept"),
            path("<int:pk>/plan/", wrap(require_POST(self.plan)), name=f"{name}_plan"),
            path("<int:pk>/run/", wrap(self.run), name=f"{name}_run"),
            path("switch/", wrap(require_POST(self.switch)), name=f"{name}_switch"),
            *super().get_urls(),
        ]

    def mine(self, request: HttpRequest, pk: int) -> RetentionPolicy:
        if not self.has_change_permission(request):
            raise PermissionDenied
        return get_object_or_404(RetentionPolicy, pk=pk)

    def accept(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what the policy would remove now; accept the version that was shown."""
        policy = self.mine(request, pk)
        if request.method == "POST":
            by = request.user.get_username()
            if was_shown(policy, request) and policy.accept(version=policy.version, by=by):
                self.log_change(request, policy, f"Accepted version {policy.version}.")
                self.say(request, f"“{policy}” is accepted and does its work from now on.")
                return redirect("admin:retention_retentionpolicy_change", pk)
            self.refuse(request, CHANGED)
            return redirect("admin:retention_retentionpolicy_accept", pk)
        context = {
            "policy": policy,
            "seen": View.of(policy),
            "first": schedule.once_accepted(policy),
        }
        template = "admin/retention/retentionpolicy/accept.html"
        return self.page(request, template, f"Accept “{policy}”", **context)

    def plan(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.start(request, self.mine(request, pk), Mode.PLAN)

    def run(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what the policy would remove now; run it when that is what is wanted."""
        policy = self.mine(request, pk)
        if request.method == "POST":
            if was_shown(policy, request):
                return self.start(request, policy, Mode.EXECUTE)
            self.refuse(request, CHANGED)
            return redirect("admin:retention_retentionpolicy_run", pk)
        if not policy.may_act:
            return redirect("admin:retention_retentionpolicy_accept", pk)
        context = {
            "policy": policy,
            "seen": View.of(policy, compared=False),
            "afterwards": words.afterwards(policy),
        }
        template = "admin/retention/retentionpolicy/run.html"
        return self.page(request, template, f"Run “{policy}” now", **context)

    def start(self, request: HttpRequest, policy: RetentionPolicy, mode: Mode) -> HttpResponse:
        try:
            run = runs.ask(policy, mode=mode, by=request.user.get_username())
        except RetentionError as error:
            self.refuse(request, error)
            return redirect("admin:retention_retentionpolicy_change", policy.pk)
        self.log_change(request, policy, ASKED[mode].format(run.pk))
        return redirect("admin:retention_retentionrun_change", run.pk)

    def switch(self, request: HttpRequest) -> HttpResponse:
        """Pause or resume all scheduled policies."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        on = request.POST.get("on") == "1"
        RetentionSwitch.turn(on=on, by=request.user.get_username())
        self.say(request, f"All scheduled policies are {'on again' if on else 'paused'}.")
        return redirect("admin:retention_retentionpolicy_changelist")


def was_shown(policy: RetentionPolicy, request: HttpRequest) -> bool:
    """Tell whether a form shows the version of the policy that is there now."""
    return request.POST.get("version") == str(policy.version)
