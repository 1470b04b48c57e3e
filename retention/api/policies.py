"""Policies: list, make, change, accept, preview, run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, transaction
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from recordings.api.errors import Conflict
from recordings.api.permissions import IsAdministrator
from recordings.api.recordings import REFUSED, checked
from retention import runs
from retention.api.requests import AcceptRequest, PolicyRequest, apply
from retention.api.serializers import (
    AcceptedSerializer,
    ImpactSerializer,
    PolicySerializer,
    RunSerializer,
)
from retention.choices import Mode
from retention.impact import View
from retention.models import RetentionPolicy
from retention.scopes import meet


def find(pk: int) -> RetentionPolicy:
    """Return a policy. Raises Http404."""
    return get_object_or_404(RetentionPolicy, pk=pk)


@contextmanager
def unique_slug() -> Iterator[None]:
    """Raise Conflict where another policy took the slug after it was checked."""
    try:
        yield
    except IntegrityError as error:
        raise Conflict("Another policy got this slug just now: choose another.") from error


class PoliciesView(GenericAPIView[RetentionPolicy]):
    permission_classes = [IsAdministrator]
    serializer_class = PolicySerializer
    queryset = RetentionPolicy.objects.none()
    keyset = ("id",)

    @extend_schema(operation_id="list_policies", responses=PolicySerializer(many=True))
    def get(self, request: Request) -> Response:
        """List all policies."""
        page = self.paginate_queryset(RetentionPolicy.objects.with_last_run()) or []
        meet(page)
        return self.get_paginated_response(PolicySerializer(page, many=True).data)

    @extend_schema(
        operation_id="make_policy",
        request=PolicyRequest,
        responses={201: PolicySerializer, "4XX": REFUSED},
    )
    def post(self, request: Request) -> Response:
        """Make a policy. It removes nothing before it is accepted."""
        policy = RetentionPolicy()
        with unique_slug():
            apply(policy, checked(PolicyRequest, request.data))
        return Response(PolicySerializer(policy).data, status=201)


class PolicyView(APIView):
    permission_classes = [IsAdministrator]

    @extend_schema(operation_id="get_policy", responses=PolicySerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Return a policy with its last run."""
        return Response(PolicySerializer(find(pk)).data)

    @extend_schema(
        operation_id="edit_policy",
        request=PolicyRequest(partial=True),
        responses={200: PolicySerializer, "4XX": REFUSED},
    )
    def patch(self, request: Request, pk: int) -> Response:
        """Change a policy; where it changes what is removed, it waits to be accepted again."""
        given = checked(PolicyRequest, request.data, partial=True)
        with unique_slug(), transaction.atomic():
            policy = get_object_or_404(RetentionPolicy.objects.select_for_update(), pk=pk)
            apply(policy, given)
        return Response(PolicySerializer(find(pk)).data)

    @extend_schema(operation_id="delete_policy", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Delete a policy; the history of its runs stays."""
        find(pk).delete()
        return Response(status=204)


class AcceptView(APIView):
    permission_classes = [IsAdministrator]

    @extend_schema(
        operation_id="accept_policy",
        request=AcceptRequest,
        responses={200: AcceptedSerializer, "4XX": REFUSED},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Let the policy remove what it says, in the version that was looked at."""
        policy = find(pk)
        version = checked(AcceptRequest, request.data).get("version", policy.version)
        seen = View.of(policy)
        if not policy.accept(version=version, by=request.user.get_username()):
            raise Conflict(
                f"The policy is at version {policy.version} by now: look at that one first."
            )
        return Response(AcceptedSerializer(policy, context={"view": seen}).data)


class ImpactView(APIView):
    permission_classes = [IsAdministrator]

    @extend_schema(operation_id="policy_impact", responses=ImpactSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Say what the policy would take now, and how that differs from what was accepted."""
        return Response(ImpactSerializer(View.of(find(pk))).data)


class PlanView(APIView):
    permission_classes = [IsAdministrator]

    @extend_schema(
        operation_id="plan_policy", request=None, responses={202: RunSerializer, "4XX": REFUSED}
    )
    def post(self, request: Request, pk: int) -> Response:
        """Find out what the policy would remove now; nothing goes."""
        run = runs.ask(find(pk), mode=Mode.PLAN, by=request.user.get_username())
        return Response(RunSerializer(run).data, status=202)


class RunPolicyView(APIView):
    permission_classes = [IsAdministrator]

    @extend_schema(
        operation_id="run_policy", request=None, responses={202: RunSerializer, "4XX": REFUSED}
    )
    def post(self, request: Request, pk: int) -> Response:
        """Run an accepted policy now, paused or not."""
        run = runs.ask(find(pk), mode=Mode.EXECUTE, by=request.user.get_username())
        return Response(RunSerializer(run).data, status=202)
