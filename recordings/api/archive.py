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

from recordings import restoring
from recordings.api.errors import ANSWERS
from recordings.api.permissions import IsAdministrator
from recordings.api.recordings import REFUSED
from recordings.archive_restore import CannotRestore, refuse, refuse_over_quota
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
    restored_bytes = serializers.IntegerField(read_only=True, help_text="So far, of `size`.")
    files = ArchivedFileSerializer(many=True, read_only=True)

    class Meta:
        model = ArchivedRecording
        fields = [
            "id", "recording", "title", "owner", "labels", "size", "files", "archived_at",
            "archived_by", "restore_asked_at", "restored_bytes", "restore_error",
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
        responses={202: ArchivedRecordingSerializer, "4XX": REFUSED},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Have a recording brought back to its owner's library, marked to be kept.

        It is in the archive until it is back; what came in the way stands in `restore_error`.
        """
        rows = ArchivedRecording.objects.archived().filter(pk=pk)
        archived = rows.first()
        if archived is None:
            raise Http404
        refuse(archived)
        refuse_over_quota(archived)
        restoring.ask(rows, by=request.user.get_username())
        archived.refresh_from_db()
        return Response(ArchivedRecordingSerializer(archived).data, status=HTTPStatus.ACCEPTED)
