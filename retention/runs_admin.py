"""Runs and their items in the admin: looked at, approved, stopped and undone."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.contrib import admin
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

from recordings.ledger.admin_base import ReadOnlyAdmin, with_owner_name
from retention import runs, undo, words
from retention.choices import Mode
from retention.exceptions import RetentionError
from retention.models import RetentionRun, RunItem

SHOWN: Final = 20  # items on the page of a run


def to_the_second(moment: datetime | None) -> str:
    """Write a moment as those need it who watch a policy that runs every ten seconds."""
    return f"{localtime(moment):%Y-%m-%d %H:%M:%S}" if moment else "-"


def in_words(run: RetentionRun) -> str:
    """Say how a run stands in a few words."""
    done = f"{run.stands.capitalize()}: {went(run)}"
    done = f"{done}, {run.failed} failed" if run.failed else done
    return f"{done}. {run.message}" if run.message else done


def went(run: RetentionRun) -> str:
    """Say how many things a run removed, or would where it has only looked so far."""
    if run.mode == Mode.PLAN or run.is_approvable:
        return f"{run.matched - run.skipped} would go"
    return words.went(run)


@admin.register(RetentionRun)
class RunAdmin(ReadOnlyAdmin):
    list_display = (
        "id", "named", "mode", "stands", "started_by", "matched", "went", "skipped",
        "failed", "freed", "began",
    )  # fmt: skip
    list_display_links = ("id", "named")
    list_filter = ("state", "mode")
    search_fields = ("=policy_slug",)
    search_help_text = "The slug of a policy."
    fieldsets = (
        (None, {"fields": ("of_policy", ("mode", "stands"), "message")}),
        (
            "What",
            {
                "fields": (("matched", "went"), ("skipped", "failed"), ("size", "freed")),
            },
        ),
        (
            "Who and when",
            {
                "fields": (("started_by", "approved_by"), ("asked", "began"), "ended"),
            },
        ),
    )
    readonly_fields = ("of_policy", "stands", "size", "went", "freed", "asked", "began", "ended")
    list_select_related = ("policy",)
    change_form_template = "admin/retention/retentionrun/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[RetentionRun]:
        return RetentionRun.objects.with_what_went().order_by(*self.get_ordering(request))

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show the first items of a run below it."""
        first = list(with_owner_name(context["original"].items.order_by("pk"))[: SHOWN + 1])
        context |= {"items": first[:SHOWN], "more": len(first) > SHOWN}
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description="policy")
    def named(self, run: RetentionRun) -> str:
        return f"{run.policy_name} ({run.policy_slug})" if run.policy else run.policy_slug

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

    @admin.display(description="state")
    def stands(self, run: RetentionRun) -> str:
        return run.stands

    @admin.display(description="asked for at")
    def asked(self, run: RetentionRun) -> str:
        return to_the_second(run.created_at)

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

    def note(self, request: HttpRequest, run: RetentionRun, what: str) -> None:
        """Write into the history of the run and of its policy who did what."""
        self.log_change(request, run, f"{what}.")
        if run.policy:
            self.log_change(request, run.policy, f"{what} run {run.pk}.")

    def approve(self, request: HttpRequest, pk: int) -> HttpResponse:
        try:
            run = runs.approve(self.mine(request, pk), by=request.user.get_username())
            self.note(request, run, "Approved")
            self.say(request, "Approved: exactly these items go, as far as they are still due.")
        except RetentionError as error:
            self.refuse(request, error)
        return redirect("admin:retention_retentionrun_change", pk)

    def cancel(self, request: HttpRequest, pk: int) -> HttpResponse:
        run = self.mine(request, pk)
        if runs.cancel(run, by=request.user.get_username()):
            self.note(request, run, "Cancelled")
            self.say(request, "It stops; what went before stays gone.")
        else:
            self.refuse(request, "It has ended, so there is nothing to stop.")
        return redirect("admin:retention_retentionrun_change", pk)

    def undo(self, request: HttpRequest, pk: int) -> HttpResponse:
        try:
            run = undo.ask(self.mine(request, pk), by=request.user.get_username())
            self.note(request, run, "Began to undo")
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
        return item.why

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[RunItem]:
        rows = with_owner_name(super().get_queryset(request)).select_related("run__policy")
        return rows if request.GET.get("run__id__exact") else rows.none()
