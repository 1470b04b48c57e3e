"""Requests to keep recordings: asked by owners, answered by administrators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from recordings.api.permissions import IsAdministrator
from recordings.api.recordings import REFUSED, checked, find, query, visible
from recordings.forms import MOST_SELECTED
from recordings.ledger.permissions import ADMINISTER
from retention import keeping
from retention.api.requests import LARGEST
from retention.api.serializers import owner_names
from retention.models import KeepRequest
from retention.notices import tell_answers


class FutureField(serializers.DateTimeField):
    """A moment still to come."""

    def to_internal_value(self, data: Any) -> Any:
        moment = super().to_internal_value(data)
        if moment <= timezone.now():
            raise serializers.ValidationError("This moment has passed: give a later one.")
        return moment


class AskRequest(serializers.Serializer[Any]):
    """Why a recording should stay, and until when; without a date for good."""

    reason = serializers.CharField(max_length=500)
    until = FutureField(required=False, allow_null=True)


class AskForManyRequest(AskRequest):
    recordings = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=LARGEST),
        min_length=1,
        max_length=MOST_SELECTED,
    )


class GrantRequest(serializers.Serializer[Any]):
    """Either `keep`, for good, or `until`; neither is what was asked for."""

    keep = serializers.BooleanField(required=False)
    until = FutureField(required=False, allow_null=True)
    answer = serializers.CharField(max_length=500, required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("keep") and attrs.get("until"):
            raise serializers.ValidationError("Give either keep or until.")
        if attrs.get("keep") is False and not attrs.get("until"):
            raise serializers.ValidationError("Give until, or decline the request.")
        return attrs


class DeclineRequest(serializers.Serializer[Any]):
    answer = serializers.CharField(max_length=500, required=False, allow_blank=True)


class KeepRequestsQuery(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=KeepRequest.State.choices, required=False)


class KeepRequestSerializer(serializers.ModelSerializer[KeepRequest]):
    """A request; `keep` and `granted_until` say what was granted, `outcome` what holds now."""

    recording = serializers.IntegerField(source="recording_id", read_only=True)
    owner = serializers.SerializerMethodField(help_text="A user name.")
    keep = serializers.SerializerMethodField(help_text="Granted for good.")
    outcome = serializers.SerializerMethodField(help_text="What has become of it, in words.")

    class Meta:
        model = KeepRequest
        fields = [
            "id", "recording", "title", "owner", "asked_by", "asked_at", "reason", "until",
            "state", "keep", "granted_until", "outcome", "answer", "decided_by", "decided_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_owner(self, request: KeepRequest) -> str | None:
        names: dict[int, str] = self.context["owner_names"]
        return names.get(request.owner_id)

    def get_keep(self, request: KeepRequest) -> bool:
        return request.state == KeepRequest.State.GRANTED and request.granted_until is None

    def get_outcome(self, request: KeepRequest) -> str:
        outcomes: dict[int, str] = self.context["outcomes"]
        return outcomes[request.pk]


class AskedForManySerializer(serializers.Serializer[Any]):
    requests = KeepRequestSerializer(many=True)
    refused = serializers.DictField(
        child=serializers.CharField(), help_text="Why not, by the number of the recording."
    )


def shown(requests: Sequence[KeepRequest]) -> list[dict[str, Any]]:
    names = owner_names({request.owner_id for request in requests})
    outcomes = {one.pk: said for one, said in keeping.with_outcomes(requests)}
    context = {"owner_names": names, "outcomes": outcomes}
    return list(KeepRequestSerializer(requests, many=True, context=context).data)


class AskView(APIView):
    """The request about one recording."""

    @extend_schema(operation_id="get_keep_request", responses=KeepRequestSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Return the newest request about a recording."""
        return Response(shown([newest(find(request, pk).pk)])[0])

    @extend_schema(
        operation_id="ask_to_keep",
        request=AskRequest,
        responses={201: KeepRequestSerializer, "4XX": REFUSED},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Ask administrators to keep a recording."""
        asked = checked(AskRequest, request.data)  # a body may take long
        made = keeping.ask(find(request, pk), by=request.user.get_username(), **asked)
        return Response(shown([made])[0], status=201)

    @extend_schema(operation_id="withdraw_keep_request", responses={204: None, "4XX": REFUSED})
    def delete(self, request: Request, pk: int) -> Response:
        """Take back the request that is open."""
        asked = newest(find(request, pk).pk)
        if asked.owner_id != request.user.pk and not request.user.has_perm(ADMINISTER):
            raise Http404
        keeping.withdraw(asked, by=request.user.get_username())
        return Response(status=204)


def newest(recording_id: int) -> KeepRequest:
    """Return the last request about a recording. Raises Http404."""
    found = KeepRequest.objects.filter(recording_id=recording_id).order_by("-id").first()
    if found is None:
        raise Http404
    return found


class KeepRequestsView(GenericAPIView[KeepRequest]):
    serializer_class = KeepRequestSerializer
    queryset = KeepRequest.objects.none()

    def get_permissions(self) -> Any:
        """Let owners ask, and administrators alone see everyone's."""
        return super().get_permissions() if self.request.method == "POST" else [IsAdministrator()]

    @extend_schema(
        operation_id="list_keep_requests",
        parameters=[KeepRequestsQuery],
        responses=KeepRequestSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """List requests, newest first, all or those in one state."""
        asked = checked(KeepRequestsQuery, query(request))
        page = self.paginate_queryset(KeepRequest.objects.filter(**asked)) or []
        return self.get_paginated_response(shown(page))

    @extend_schema(
        operation_id="ask_to_keep_many",
        request=AskForManyRequest,
        responses={201: AskedForManySerializer, "4XX": REFUSED},
    )
    def post(self, request: Request) -> Response:
        """Ask to keep several recordings for one reason; some may be refused."""
        asked = checked(AskForManyRequest, request.data)
        pks = set(asked.pop("recordings"))
        found = list(visible(request).filter(pk__in=pks).order_by("pk"))
        if len(found) < len(pks):
            raise Http404
        made, refused = keeping.ask_for_many(found, by=request.user.get_username(), **asked)
        by_number = {str(pk): why for pk, why in refused.items()}
        return Response({"requests": shown(made), "refused": by_number}, status=201)


class KeepRequestView(APIView):
    permission_classes = [IsAdministrator]

    @extend_schema(operation_id="get_keep_request_by_id", responses=KeepRequestSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Return a request."""
        return Response(shown([get_object_or_404(KeepRequest, pk=pk)])[0])


class GrantView(APIView):
    permission_classes = [IsAdministrator]

    @extend_schema(
        operation_id="grant_keep_request",
        request=GrantRequest,
        responses={200: KeepRequestSerializer, "4XX": REFUSED},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Keep the recording, for good or until a date."""
        found, asked = get_object_or_404(KeepRequest, pk=pk), checked(GrantRequest, request.data)
        until = None if asked.get("keep") else asked.get("until") or found.until
        by, answer = request.user.get_username(), asked.get("answer", "")
        keeping.grant(found, by=by, until=until, answer=answer)
        tell_answers([found])
        return Response(shown([found])[0])


class DeclineView(APIView):
    permission_classes = [IsAdministrator]

    @extend_schema(
        operation_id="decline_keep_request",
        request=DeclineRequest,
        responses={200: KeepRequestSerializer, "4XX": REFUSED},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Say no; the policies go on as before."""
        found, asked = get_object_or_404(KeepRequest, pk=pk), checked(DeclineRequest, request.data)
        keeping.decline(found, by=request.user.get_username(), answer=asked.get("answer", ""))
        tell_answers([found])
        return Response(shown([found])[0])
