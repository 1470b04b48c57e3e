"""Addresses of the API of retention, below /api/."""

from __future__ import annotations

from http import HTTPStatus

from django.urls import path

from recordings.api.errors import ANSWERS
from retention.api import cleanup, keep_requests, keeping, policies, quarantine, runs
from retention.exceptions import NotAccepted, RetentionError, Running
from retention.keeping import AlreadyAnswered, AlreadyAsked, AlreadyKept

urlpatterns = [
    path("policies", policies.PoliciesView.as_view(), name="api-policies"),
    path("policies/<int:pk>", policies.PolicyView.as_view(), name="api-policy"),
    path("policies/<int:pk>/impact", policies.ImpactView.as_view(), name="api-policy-impact"),
    path("policies/<int:pk>/plan", policies.PlanView.as_view(), name="api-policy-plan"),
    path("policies/<int:pk>/accept", policies.AcceptView.as_view(), name="api-policy-accept"),
    path("policies/<int:pk>/run", policies.RunPolicyView.as_view(), name="api-policy-run"),
    path("runs", runs.RunsView.as_view(), name="api-runs"),
    path("runs/<int:pk>", runs.RunView.as_view(), name="api-run"),
    path("runs/<int:pk>/items", runs.ItemsView.as_view(), name="api-run-items"),
    path("runs/<int:pk>/approve", runs.ApproveView.as_view(), name="api-run-approve"),
    path("runs/<int:pk>/cancel", runs.CancelRunView.as_view(), name="api-run-cancel"),
    path("runs/<int:pk>/undo", runs.UndoRunView.as_view(), name="api-run-undo"),
    path("cleanup/status", cleanup.StatusView.as_view(), name="api-cleanup-status"),
    path("cleanup/health", cleanup.HealthView.as_view(), name="api-cleanup-health"),
    path("cleanup/manual", cleanup.ManualView.as_view(), name="api-cleanup-manual"),
    path("cleanup/files", cleanup.FilesView.as_view(), name="api-cleanup-files"),
    path("cleanup/start", cleanup.StartView.as_view(), name="api-cleanup-start"),
    path("cleanup/stop", cleanup.StopView.as_view(), name="api-cleanup-stop"),
    path("holds", keeping.HoldsView.as_view(), name="api-holds"),
    path("holds/<int:pk>", keeping.HoldView.as_view(), name="api-hold"),
    path("source-rules", keeping.SourceRulesView.as_view(), name="api-source-rules"),
    path("source-rules/<int:pk>", keeping.SourceRuleView.as_view(), name="api-source-rule"),
    path("quarantine", quarantine.QuarantineView.as_view(), name="api-quarantine"),
    path(
        "quarantine/<int:pk>/restore",
        quarantine.RestoreQuarantinedView.as_view(),
        name="api-quarantine-restore",
    ),
    path("receipts", keeping.ReceiptsView.as_view(), name="api-receipts"),
    path(
        "recordings/<int:pk>/keep-request", keep_requests.AskView.as_view(), name="api-ask-to-keep"
    ),
    path("keep-requests", keep_requests.KeepRequestsView.as_view(), name="api-keep-requests"),
    path(
        "keep-requests/<int:pk>", keep_requests.KeepRequestView.as_view(), name="api-keep-request"
    ),
    path("keep-requests/<int:pk>/grant", keep_requests.GrantView.as_view(), name="api-keep-grant"),
    path(
        "keep-requests/<int:pk>/decline",
        keep_requests.DeclineView.as_view(),
        name="api-keep-decline",
    ),
    path("recordings/<int:pk>/explain", keeping.ExplainView.as_view(), name="api-explain"),
]

ANSWERS.update(
    {
        kind: (HTTPStatus.CONFLICT, kind.code)
        for kind in (
            Running,
            NotAccepted,
            AlreadyAsked,
            AlreadyKept,
            AlreadyAnswered,
            RetentionError,
        )
    }
)
