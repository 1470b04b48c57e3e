"""How recordings, files, jobs and quotas look from outside; the shapes are fixed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from recordings import periods, pictures
from recordings.ledger.models import Account
from recordings.ledger.names import Kind
from recordings.models import Job, Recording, RecordingFile


class JobSerializer(serializers.ModelSerializer[Job]):
    recording = serializers.IntegerField(source="recording_id", allow_null=True, read_only=True)

    class Meta:
        model = Job
        fields = [
            "id",
            "kind",
            "recording",
            "state",
            "step",
            "progress",
            "received",
            "error",
            "created_at",
            "started_at",
            "finished_at",
        ]
        read_only_fields = fields
        extra_kwargs = {"received": {"help_text": "Bytes of an import that have come in."}}


def asked_once(context: Mapping[str, Any], name: str, ask: Callable[[], Any]) -> Any:
    """Return what is the same for all the rows of an answer, asking for the first of them."""
    shared = cast(dict[str, Any], context)
    if name not in shared:
        shared[name] = ask()
    return shared[name]


class FileSerializer(serializers.ModelSerializer[RecordingFile]):
    name = serializers.CharField(source="stored.file.name", read_only=True)
    size = serializers.IntegerField(source="stored.size", read_only=True, help_text="Bytes.")
    sha256 = serializers.CharField(source="stored.sha256", read_only=True)
    url = serializers.CharField(read_only=True)
    vtt_url = serializers.CharField(
        allow_null=True, read_only=True, help_text="Of subtitles: the same as WebVTT."
    )
    leaves_at = serializers.SerializerMethodField()

    class Meta:
        model = RecordingFile
        fields = [
            "id",
            "kind",
            "name",
            "size",
            "sha256",
            "url",
            "vtt_url",
            "version",
            "draft",
            "created_at",
            "leaves_at",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_leaves_at(self, file: RecordingFile) -> str | None:
        """When it goes by itself; of a final video as the policies have it now."""
        moment = file.leaves_at
        if file.kind == Kind.FINAL:
            period = asked_once(self.context, "finals", lambda: periods.stay("finals"))
            moment = periods.final_leaves_at(file, period)
        return serializers.DateTimeField().to_representation(moment) if moment else None


class RecordingSerializer(serializers.ModelSerializer[Recording]):
    """A recording that came `with_files().with_held()`: no query of its own."""

    owner = serializers.CharField(source="owner.username", read_only=True)
    labels = serializers.SerializerMethodField()
    held = serializers.BooleanField(source="is_held", read_only=True)
    size = serializers.IntegerField(read_only=True, help_text="Bytes of its current files.")
    files = FileSerializer(source="current_files", many=True, read_only=True)
    thumbnail_url = serializers.SerializerMethodField()
    job = JobSerializer(
        source="newest_job", allow_null=True, read_only=True, help_text="The newest one."
    )

    class Meta:
        model = Recording
        fields = [
            "id",
            "title",
            "description",
            "owner",
            "state",
            "warning",
            "language",
            "labels",
            "keep",
            "keep_until",
            "duration",
            "width",
            "height",
            "recorded_at",
            "created_at",
            "processed_at",
            "last_watched_at",
            "expire_at",
            "trashed_at",
            "purge_after",
            "original_name",
            "held",
            "size",
            "files",
            "thumbnail_url",
            "job",
        ]
        read_only_fields = fields

    def get_labels(self, recording: Recording) -> list[str]:
        return sorted(label.name for label in recording.labels.all())

    def get_thumbnail_url(self, recording: Recording) -> str | None:
        return pictures.address(recording)


class QuotaSerializer(serializers.ModelSerializer[Account]):
    limit = serializers.IntegerField(source="limit_bytes", allow_null=True, read_only=True)
    available = serializers.IntegerField(allow_null=True, read_only=True)

    class Meta:
        model = Account
        fields = ["used", "reserved", "in_trash", "limit", "available"]
        read_only_fields = fields


class ErrorSerializer(serializers.Serializer[Any]):
    """A sentence for people, a word for programs, and what else there is to say."""

    detail = serializers.CharField()
    code = serializers.CharField()
