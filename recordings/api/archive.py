"""The archive: what is in it, and back to the library. For administrators."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.db.models import Prefetch
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from recordings.api.errors import ANSWERS
from recordings.api.permissions import IsAdministrator
from recordings.api.recordings import REFUSED, shown
from recordings.api.serializers import RecordingSerializer
from recordings.archive_restore import CannotRestore, restore
from recordings.models import ArchivedFile, ArchivedRecording

ANSWERS[CannotRestore] = (HTTPStatus.CONFLICT, "cannot_restore")


class ArchivedFileSerializer(serializers.ModelSerializer[ArchivedFile]):
    name = serializers.CharField(source="former_name", read_only=True)
    version = serializers.SerializerMethodField()
    size = serializers.IntegerField(source="stored.size", read_only=True, help_text="Bytes.")
    sha256 = serializers.CharField(source="stored.sha256", read_only=True)

    class Meta:
        model = ArchivedFile
        fields = ["kind", "name", "version", "size", "sha256"]
        read_only_fields = fields

    def get_version(self, file: ArchivedFile) -> int:
        version: Any = file.columns.get("version", 1)
        return int(version)


class ArchivedRecordingSerializer(serializers.ModelSerializer[ArchivedRecording]):
    recording = serializers.IntegerField(source="recording_id", read_only=True)
    owner = serializers.CharField(source="owner_name", read_only=True)
    labels = serializers.ListField(child=serializers.CharField(), read_only=True)
    size = serializers.IntegerField(read_only=True, help_text="Bytes of all its files.")
    files = ArchivedFileSerializer(many=True, read_only=True)

    class Meta:
        model = ArchivedRecording
        fields = [
            "id", "recording", "title", "owner", "labels", "size", "files", "archived_at",
            "archived_by",
        ]  # fmt: skip
        read_only_fields = fields


class ArchiveView(GenericAPIView[ArchivedRecording]):
    permission_classes = [IsAdministrator]
    serializer_class = ArchivedRecordingSerializer
    queryset = ArchivedRecording.objects.none()

    @extend_schema(operation_id="list_archive", responses=ArchivedRecordingSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List what policies moved to the archive, the last first."""
        files = ArchivedFile.objects.select_related("stored").order_by("pk")
        rows = ArchivedRecording.objects.archived().defer("columns")
        page = self.paginate_queryset(rows.prefetch_related(Prefetch("files", queryset=files)))
        return self.get_paginated_response(ArchivedRecordingSerializer(page, many=True).data)


class RestoreArchivedView(APIView):
    permission_classes = [IsAdministrator]

    @extend_schema(
        operation_id="restore_from_archive",
        request=None,
        responses={200: RecordingSerializer, "4XX": REFUSED},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Bring a recording back to its owner's library, marked to be kept."""
        try:
            recording = restore(pk, by=request.user.get_username())
        except ArchivedRecording.DoesNotExist as error:
            raise Http404 from error
        return Response(shown(recording.pk))
