"""Runs and their items: look, approve, cancel, undo."""

from __future__ import annotations

from typing import Final

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from recordings.api.errors import Conflict
from recordings.api.permissions import IsAdministrator
from recordings.api.recordings import REFUSED
from retention import runs, undo
from retention.api.serializers import ItemSerializer, RunSerializer, owner_names
from retention.choices import State
from retention.models import RetentionRun, RunItem

FIRST_STEPS: Final = 2  # of an undo, done while the client waits: the second may find it done


def find(pk: int) -> RetentionRun:
    """Return a run. Raises Http404."""
    return get_object_or_404(RetentionRun.objects.select_related("policy"), pk=pk)


class RunsView(GenericAPIView[RetentionRun]):
    permission_classes = [IsAdministrator]
    serializer_class = RunSerializer
    queryset = RetentionRun.objects.none()

    @extend_schema(
        operation_id="list_runs",
        parameters=[OpenApiParameter("policy", str, description="Only runs of this slug.")],
        responses=RunSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """List runs, newest first."""
        rows = RetentionRun.objects.all()
        if slug := request.query_params.get("policy", ""):
            rows = rows.none() if "\0" in slug else rows.filter(policy_slug=slug)
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(RunSerializer(page, many=True).data)


class RunView(APIView):
    permission_classes = [IsAdministrator]

    @extend_schema(operation_id="get_run", responses=RunSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Return a run with its counts so far."""
        return Response(RunSerializer(find(pk)).data)


class ItemsView(GenericAPIView[RunItem]):
    permission_classes = [IsAdministrator]
    serializer_class = ItemSerializer
    queryset = RunItem.objects.none()
    keyset = ("id",)

    @extend_schema(operation_id="list_run_items", responses=ItemSerializer(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """List what a run found and what became of it."""
        page = self.paginate_queryset(find(pk).items.all()) or []
        names = owner_names({item.owner_id for item in page})
        data = ItemSerializer(page, many=True, context={"owner_names": names}).data
        return self.get_paginated_response(data)


class ApproveView(APIView):
    permission_classes = [IsAdministrator]

    @extend_schema(
        operation_id="approve_run", request=None, responses={202: RunSerializer, "4XX": REFUSED}
    )
    def post(self, request: Request, pk: int) -> Response:
        """Have exactly the items of a plan removed, as far as they are still due."""
        run = runs.approve(find(pk), by=request.user.get_username())
        return Response(RunSerializer(run).data, status=202)


class CancelRunView(APIView):
    permission_classes = [IsAdministrator]

    @extend_schema(
        operation_id="cancel_run", request=None, responses={202: RunSerializer, "4XX": REFUSED}
    )
    def post(self, request: Request, pk: int) -> Response:
        """Stop a run after its present batch, or drop a plan; what went stays gone."""
        run = find(pk)
        if not runs.cancel(run, by=request.user.get_username()):
            raise Conflict(f"This run is {run.get_state_display()}, so there is nothing to stop.")
        return Response(RunSerializer(run).data, status=202)


class UndoRunView(APIView):
    permission_classes = [IsAdministrator]

    @extend_schema(
        operation_id="undo_run",
        request=None,
        responses={200: RunSerializer, 202: RunSerializer, "4XX": REFUSED},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Bring back what a run moved to the trash and what is still there by it.

        A large one goes on in steps: it is answered with 202 and is `running` until `undone`.
        """
        run = undo.ask(find(pk), by=request.user.get_username())
        undo.carry_on(run.pk, steps=FIRST_STEPS)
        run.refresh_from_db()
        return Response(RunSerializer(run).data, status=200 if run.state == State.UNDONE else 202)
