"""What holds, what source rules say, what is known to be gone, and why a recording leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from recordings.api.errors import Conflict
from recordings.api.permissions import IsAdministrator
from recordings.api.recordings import REFUSED, checked
from recordings.api.recordings import find as find_recording
from recordings.holds import hold_owner, hold_recording
from recordings.ledger import export
from recordings.ledger.exceptions import LedgerError
from recordings.ledger.models import Hold, Receipt
from recordings.models import Recording, SourceRule
from retention.api.requests import HoldRequest
from retention.api.serializers import (
    ExplanationSerializer,
    HoldSerializer,
    ReceiptSerializer,
    SourceRuleSerializer,
    owner_names,
)
from retention.explain import explain


class HoldsView(GenericAPIView[Hold]):
    permission_classes = [IsAdministrator]
    serializer_class = HoldSerializer
    queryset = Hold.objects.none()

    @extend_schema(operation_id="list_holds", responses=HoldSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List holds, newest first, released ones among them."""
        page = self.paginate_queryset(Hold.objects.all()) or []
        return self.get_paginated_response(_shown(page))

    @extend_schema(
        operation_id="place_hold",
        request=HoldRequest,
        responses={201: HoldSerializer, "4XX": REFUSED},
    )
    def post(self, request: Request) -> Response:
        """Hold a recording, or everything of an owner: nothing removes it until released."""
        asked = checked(HoldRequest, request.data)
        try:
            hold = place(asked, by=request.user.get_username())
        except LedgerError as error:
            raise serializers.ValidationError({"until": [str(error)]}) from error
        return Response(_shown([hold])[0], status=201)


def place(asked: dict[str, Any], *, by: str) -> Hold:
    """Place the hold that was asked for. Raises ValidationError, LedgerError."""
    terms: dict[str, Any] = {"reason": asked["reason"], "until": asked.get("until"), "by": by}
    if "recording" in asked:
        try:
            return hold_recording(asked["recording"], **terms)
        except Recording.DoesNotExist as error:
            sentence = f"There is no recording {asked['recording']}."
            raise serializers.ValidationError({"recording": [sentence]}) from error
    owner = asked["owner"]
    by_id = {"pk": owner} if isinstance(owner, int) else {"username": owner}
    pk = get_user_model()._default_manager.filter(**by_id).values_list("pk", flat=True).first()
    if pk is None:
        raise serializers.ValidationError({"owner": [f"There is no user {owner}."]})
    return hold_owner(pk, **terms)


class HoldView(APIView):
    permission_classes = [IsAdministrator]

    @extend_schema(operation_id="get_hold", responses=HoldSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Return a hold."""
        return Response(_shown([get_object_or_404(Hold, pk=pk)])[0])

    @extend_schema(operation_id="release_hold", responses={204: None, "4XX": REFUSED})
    def delete(self, request: Request, pk: int) -> Response:
        """Release a hold; its row stays as history."""
        if not get_object_or_404(Hold, pk=pk).release(by=request.user.get_username()):
            raise Conflict("This hold was released before.")
        return Response(status=204)


def _shown(holds: Sequence[Hold]) -> list[dict[str, Any]]:
    names = owner_names({hold.owner_id for hold in holds})
    shown = HoldSerializer(holds, many=True, context={"owner_names": names}).data
    return list(shown)


class SourceRulesView(GenericAPIView[SourceRule]):
    permission_classes = [IsAdministrator]
    serializer_class = SourceRuleSerializer
    queryset = SourceRule.objects.none()
    keyset = ("id",)

    @extend_schema(operation_id="list_source_rules", responses=SourceRuleSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List what happens to originals when processing ends, one rule an ending."""
        page = self.paginate_queryset(SourceRule.objects.all())
        return self.get_paginated_response(SourceRuleSerializer(page, many=True).data)

    @extend_schema(
        operation_id="make_source_rule", responses={201: SourceRuleSerializer, "4XX": REFUSED}
    )
    def post(self, request: Request) -> Response:
        """Make the rule for an ending that has none."""
        rule = SourceRuleSerializer(data=request.data)
        rule.is_valid(raise_exception=True)
        rule.save()
        return Response(rule.data, status=201)


class SourceRuleView(APIView):
    permission_classes = [IsAdministrator]

    @extend_schema(operation_id="get_source_rule", responses=SourceRuleSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Return a source rule."""
        return Response(SourceRuleSerializer(get_object_or_404(SourceRule, pk=pk)).data)

    @extend_schema(
        operation_id="edit_source_rule",
        request=SourceRuleSerializer(partial=True),
        responses={200: SourceRuleSerializer, "4XX": REFUSED},
    )
    def patch(self, request: Request, pk: int) -> Response:
        """Change a source rule; deadlines it stamped before stay as they are."""
        rule = SourceRuleSerializer(
            get_object_or_404(SourceRule, pk=pk), data=request.data, partial=True
        )
        rule.is_valid(raise_exception=True)
        rule.save()
        return Response(rule.data)


class CSVRenderer(BaseRenderer):
    """Lets `?format=csv` through; the lines are streamed past it."""

    media_type = "text/csv"
    format = "csv"

    def render(self, data: Any, *args: Any, **kwargs: Any) -> bytes:
        return JSONRenderer().render(data)  # a refusal


class ReceiptsView(GenericAPIView[Receipt]):
    permission_classes = [IsAdministrator]
    serializer_class = ReceiptSerializer
    queryset = Receipt.objects.none()
    renderer_classes = [JSONRenderer, CSVRenderer]

    @extend_schema(
        operation_id="list_receipts",
        parameters=[OpenApiParameter("format", str, enum=["json", "csv"])],
        responses=ReceiptSerializer(many=True),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """List what was physically removed, newest first; as CSV all of it at once."""
        if request.accepted_renderer.format == "csv":
            lines = export.as_csv(Receipt.objects.all())
            named = {"Content-Disposition": 'attachment; filename="receipts.csv"'}
            return StreamingHttpResponse(lines, content_type="text/csv", headers=named)
        page = self.paginate_queryset(Receipt.objects.all())
        return self.get_paginated_response(ReceiptSerializer(page, many=True).data)


class ExplainView(APIView):
    """Why and when a recording leaves, for its owner and for administrators."""

    @extend_schema(operation_id="explain_recording", responses=ExplanationSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Say which policy removes a recording, when, and what blocks it."""
        return Response(ExplanationSerializer(explain(find_recording(request, pk))).data)
