"""What is in quarantine, and putting it back."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from recordings.api.errors import Conflict
from recordings.api.permissions import IsAdministrator
from recordings.api.recordings import REFUSED
from recordings.ledger import quarantine
from recordings.ledger.exceptions import LedgerError, StorageFault, StorageFull
from recordings.ledger.models import StoredFile
from recordings.ledger.names import former_name


class QuarantinedSerializer(serializers.ModelSerializer[StoredFile]):
    """An orphan in quarantine; `name` is the one it had and gets back."""

    name = serializers.SerializerMethodField()
    quarantined_at = serializers.DateTimeField(source="ready_at", read_only=True)
    quarantined_by = serializers.CharField(source="released_by", read_only=True)

    class Meta:
        model = StoredFile
        fields = ["id", "name", "storage", "kind", "size", "quarantined_at", "quarantined_by"]
        read_only_fields = fields

    def get_name(self, stored: StoredFile) -> str:
        return former_name(str(stored.file.name))


class QuarantineView(GenericAPIView[StoredFile]):
    permission_classes = [IsAdministrator]
    serializer_class = QuarantinedSerializer
    queryset = StoredFile.objects.none()

    @extend_schema(operation_id="list_quarantine", responses=QuarantinedSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List what is in quarantine because no row knew it, newest first."""
        page = self.paginate_queryset(quarantine.settled()) or []
        return self.get_paginated_response(QuarantinedSerializer(page, many=True).data)


class RestoreQuarantinedView(APIView):
    permission_classes = [IsAdministrator]

    @extend_schema(
        operation_id="restore_quarantined",
        request=None,
        responses={200: QuarantinedSerializer, "4XX": REFUSED},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Put a file back under its former name; scans leave it alone for their usual time."""
        stored = get_object_or_404(quarantine.settled(), pk=pk)
        shown = QuarantinedSerializer(stored).data
        try:
            quarantine.restore(pk, by=request.user.get_username())
        except (StorageFault, StorageFull):
            raise
        except LedgerError as error:
            raise Conflict(str(error)) from error
        return Response(shown)
