"""Addresses of the API of retention, below /api/."""

from __future__ import annotations

from http import HTTPStatus

from django.urls import path

from recordings.api.errors import ANSWERS
from retention.api import keeping, policies, runs
from retention.exceptions import NotAccepted, RetentionError, Running

urlpatterns = [
    path("policies", policies.PoliciesView.as_view(), name="api-policies"),
    path("policies/<int:pk>", policies.PolicyView.as_view(), name="api-policy"),
    path("policies/<int:pk>/plan", policies.PlanView.as_view(), name="api-policy-plan"),
    path("policies/<int:pk>/accept", policies.AcceptView.as_view(), name="api-policy-accept"),
    path("policies/<int:pk>/run", policies.RunPolicyView.as_view(), name="api-policy-run"),
    path("runs", runs.RunsView.as_view(), name="api-runs"),
    path("runs/<int:pk>", runs.RunView.as_view(), name="api-run"),
    path("runs/<int:pk>/items", runs.ItemsView.as_view(), name="api-run-items"),
    path("runs/<int:pk>/approve", runs.ApproveView.as_view(), name="api-run-approve"),
    path("runs/<int:pk>/cancel", runs.CancelRunView.as_view(), name="api-run-cancel"),
    path("holds", keeping.HoldsView.as_view(), name="api-holds"),
    path("holds/<int:pk>", keeping.HoldView.as_view(), name="api-hold"),
    path("source-rules", keeping.SourceRulesView.as_view(), name="api-source-rules"),
    path("source-rules/<int:pk>", keeping.SourceRuleView.as_view(), name="api-source-rule"),
    path("receipts", keeping.ReceiptsView.as_view(), name="api-receipts"),
    path("recordings/<int:pk>/explain", keeping.ExplainView.as_view(), name="api-explain"),
]

ANSWERS.update(
    {kind: (HTTPStatus.CONFLICT, kind.code) for kind in (Running, NotAccepted, RetentionError)}
)
