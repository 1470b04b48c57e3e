"""Retention in the admin: policies with what they do and did, and the runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.defaultfilters import filesizeformat
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.views.decorators.http import require_POST

from recordings.ledger.admin_base import LibraryAdmin, ReadOnlyAdmin, with_owner_name
from retention import admin_health as admin_health  # registers its pages
from retention import runs, schedule, undo, words
from retention.choices import Mode
from retention.exceptions import RetentionError
from retention.forms import PolicyForm, target_choices
from retention.impact import View
from retention.keeping_admin import KeepRequestAdmin
from retention.models import RetentionPolicy, RetentionRun, RetentionSwitch, RunItem
from retention.scopes import meet

__all__ = ["KeepRequestAdmin", "PolicyAdmin", "RunAdmin", "RunItemAdmin"]

SHOWN: Final = 20  # items on the page of a run
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
    actions = ("enable_selected", "disable_selected", "run_selected")
    change_list_template = "admin/retention/retentionpolicy/change_list.html"
    change_form_template = "admin/retention/retentionpolicy/change_form.html"

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
            sentence = "It is out of force until it is accepted."
            self.message_user(request, sentence, messages.WARNING)
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
        self.say(request, f"Policies enabled: {queryset.update(enabled=True)}.")

    @admin.action(description="Disable selected policies", permissions=["change"])
    def disable_selected(self, request: HttpRequest, queryset: QuerySet[RetentionPolicy]) -> None:
        self.say(request, f"Policies disabled: {queryset.update(enabled=False)}.")

    @admin.action(description="Run selected policies now", permissions=["change"])
    def run_selected(self, request: HttpRequest, queryset: QuerySet[RetentionPolicy]) -> None:
        for policy in queryset:
            try:
                runs.ask(policy, mode=Mode.EXECUTE, by=request.user.get_username())
                self.say(request, f"{policy} runs.")
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
            version = request.POST.get("version", "")
            seen = int(version) if version.isdecimal() and len(version) < 10 else 0
            if policy.accept(version=seen, by=request.user.get_username()):
                self.say(request, f"“{policy}” is accepted and does its work from now on.")
                return redirect("admin:retention_retentionpolicy_change", pk)
            self.refuse(request, "The policy has changed meanwhile: look at it again.")
            return redirect("admin:retention_retentionpolicy_accept", pk)
        context = {
            "policy": policy,
            "seen": View.of(policy),
            "first": schedule.once_accepted(policy),
        }
        template = "admin/retention/retentionpolicy/accept.html"
        return self.page(request, template, f"Accept “{policy}”", **context)

    def plan(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.start(request, pk, Mode.PLAN)

    def run(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what the policy would remove now; run it when that is what is wanted."""
        policy = self.mine(request, pk)
        if request.method == "POST":
            return self.start(request, pk, Mode.EXECUTE)
        if not policy.may_act:
            return redirect("admin:retention_retentionpolicy_accept", pk)
        context = {"policy": policy, "seen": View.of(policy, compared=False)}
        template = "admin/retention/retentionpolicy/run.html"
        return self.page(request, template, f"Run “{policy}” now", **context)

    def start(self, request: HttpRequest, pk: int, mode: Mode) -> HttpResponse:
        try:
            run = runs.ask(self.mine(request, pk), mode=mode, by=request.user.get_username())
        except RetentionError as error:
            self.refuse(request, error)
            return redirect("admin:retention_retentionpolicy_change", pk)
        return redirect("admin:retention_retentionrun_change", run.pk)

    def switch(self, request: HttpRequest) -> HttpResponse:
        """Pause or resume all scheduled policies."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        on = request.POST.get("on") == "1"
        RetentionSwitch.turn(on=on, by=request.user.get_username())
        self.say(request, f"All scheduled policies are {'on again' if on else 'paused'}.")
        return redirect("admin:retention_retentionpolicy_changelist")


def to_the_second(moment: datetime | None) -> str:
    """Write a moment as those need it who watch a policy that runs every ten seconds."""
    return f"{localtime(moment):%Y-%m-%d %H:%M:%S}" if moment else "-"


def in_words(run: RetentionRun) -> str:
    """Say how a run stands in a few words."""
    state = str(run.get_state_display()).capitalize()
    done = f"{state}: {went(run)}"
    return f"{done}, {run.failed} failed" if run.failed else done


def went(run: RetentionRun) -> str:
    """Say how many things a run removed, or would where it has only looked so far."""
    if run.mode == Mode.PLAN or run.is_approvable:
        return f"{run.matched - run.skipped} would go"
    return words.went(run)


@admin.register(RetentionRun)
class RunAdmin(ReadOnlyAdmin):
    list_display = (
        "id", "policy_slug", "mode", "state", "started_by", "matched", "went", "skipped",
        "failed", "freed", "began",
    )  # fmt: skip
    list_display_links = ("id", "policy_slug")
    list_filter = ("state", "mode")
    search_fields = ("=policy_slug",)
    search_help_text = "The slug of a policy."
    fieldsets = (
        (None, {"fields": ("of_policy", ("mode", "state"), "message")}),
        (
            "What",
            {
                "fields": (("matched", "went"), ("skipped", "failed"), ("size", "freed")),
            },
        ),
        (
            "Who and when",
            {
                "fields": (("started_by", "approved_by"), ("began", "ended")),
            },
        ),
    )
    readonly_fields = ("of_policy", "size", "went", "freed", "began", "ended")
    list_select_related = ("policy",)
    change_form_template = "admin/retention/retentionrun/change_form.html"

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show the first items of a run below it."""
        first = list(with_owner_name(context["original"].items.order_by("pk"))[: SHOWN + 1])
        context |= {"items": first[:SHOWN], "more": len(first) > SHOWN}
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description="policy")
    def of_policy(self, run: RetentionRun) -> str | SafeString:
        version = f"{run.policy_slug}, version {run.policy_version}"
        if run.policy is None:
            return f"{version}, which is gone"
        address = reverse("admin:retention_retentionpolicy_change", args=[run.policy.pk])
        return format_html('<a href="{}">{}</a> ({})', address, run.policy, version)

    @admin.display(description="size of what goes")
    def size(self, run: RetentionRun) -> str:
        return filesizeformat(run.bytes_going())

    @admin.display(description="what went")
    def went(self, run: RetentionRun) -> str:
        return went(run)

    @admin.display(description="started at")
    def began(self, run: RetentionRun) -> str:
        return to_the_second(run.started_at)

    @admin.display(description="finished at")
    def ended(self, run: RetentionRun) -> str:
        return to_the_second(run.finished_at)

    @admin.display(description="bytes freed")
    def freed(self, run: RetentionRun) -> str:
        return filesizeformat(run.bytes_freed)

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        name = "retention_retentionrun"
        return [
            path("<int:pk>/approve/", wrap(require_POST(self.approve)), name=f"{name}_approve"),
            path("<int:pk>/cancel/", wrap(require_POST(self.cancel)), name=f"{name}_cancel"),
            path("<int:pk>/undo/", wrap(require_POST(self.undo)), name=f"{name}_undo"),
            path("<int:pk>/progress/", wrap(self.progress), name=f"{name}_progress"),
            *super().get_urls(),
        ]

    def mine(self, request: HttpRequest, pk: int) -> RetentionRun:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(RetentionRun.objects.select_related("policy"), pk=pk)

    def approve(self, request: HttpRequest, pk: int) -> HttpResponse:
        try:
            runs.approve(self.mine(request, pk), by=request.user.get_username())
            self.say(request, "Approved: exactly these items go, as far as they are still due.")
        except RetentionError as error:
            self.refuse(request, error)
        return redirect("admin:retention_retentionrun_change", pk)

    def cancel(self, request: HttpRequest, pk: int) -> HttpResponse:
        if runs.cancel(self.mine(request, pk), by=request.user.get_username()):
            self.say(request, "It stops; what went before stays gone.")
        else:
            self.refuse(request, "It has ended, so there is nothing to stop.")
        return redirect("admin:retention_retentionrun_change", pk)

    def undo(self, request: HttpRequest, pk: int) -> HttpResponse:
        try:
            undo.ask(self.mine(request, pk), by=request.user.get_username())
            self.say(request, "What this run moved to the trash is being brought back.")
        except RetentionError as error:
            self.refuse(request, error)
        return redirect("admin:retention_retentionrun_change", pk)

    def progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show how far a run is; the page is loaded anew when it has ended."""
        run = self.mine(request, pk)
        answer = render(request, "admin/retention/retentionrun/_progress.html", {"original": run})
        if not run.is_moving:
            answer["HX-Refresh"] = "true"
        return answer


@admin.register(RunItem)
class RunItemAdmin(ReadOnlyAdmin):
    """Reached from a run, and shown only for one."""

    list_display = (
        "label", "recording", "owner", "bytes", "outcome", "why",
    )  # fmt: skip
    list_filter = ("outcome",)
    list_display_links = None
    ordering = ("id",)

    @admin.display(description="name")
    def label(self, item: RunItem) -> str:
        return item.name

    @admin.display(description="recording", empty_value="")
    def recording(self, item: RunItem) -> SafeString | None:
        if item.recording_id is None:
            return None
        address = reverse("admin:recordings_recording_change", args=[item.recording_id])
        return format_html('<a href="{}">{}</a>', address, item.recording_id)

    @admin.display(description="owner", empty_value="")
    def owner(self, item: Any) -> Any:
        return item.owner_name or item.owner_id

    @admin.display(description="size")
    def bytes(self, item: RunItem) -> str:
        return filesizeformat(item.size)

    @admin.display(description="why")
    def why(self, item: RunItem) -> str:
        return item.detail or item.reason

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[RunItem]:
        rows = with_owner_name(super().get_queryset(request))
        return rows if request.GET.get("run__id__exact") else rows.none()
