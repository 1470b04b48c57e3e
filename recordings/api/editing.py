"""What editing sessions look like from outside, and what may be sent for one."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from recordings import periods
from recordings.api.serializers import JobSerializer, asked_once
from recordings.editing import cues, rendering, sound
from recordings.editing.models import EditingSession
from recordings.editing.sessions import Change
from recordings.editing.style import BadStyle, Style
from recordings.models import Job
from recordings.processing import captions

LARGEST_REVISION = 2**31 - 1


class CaptionShape(serializers.Serializer[Any]):
    """For the schema alone; `cues.checked` reads many faster and refuses more."""

    start = serializers.FloatField(help_text="Seconds from the start.")
    end = serializers.FloatField(help_text="Seconds; after `start`.")
    text = serializers.CharField(max_length=cues.MOST_CHARACTERS, allow_blank=True)


class StyleShape(serializers.Serializer[Any]):
    """For the schema alone; sizes in percent of the picture's height."""

    font_size = serializers.FloatField(required=False)
    position = serializers.ChoiceField(["bottom", "middle", "top"], required=False)
    margin = serializers.FloatField(required=False)
    color = serializers.CharField(required=False, help_text="#rrggbb")
    outline = serializers.FloatField(required=False)
    outline_color = serializers.CharField(required=False)
    box = serializers.BooleanField(required=False)
    box_color = serializers.CharField(required=False)
    box_opacity = serializers.FloatField(required=False, help_text="Percent.")


@extend_schema_field(CaptionShape(many=True))
class CaptionsField(serializers.Field[Any, Any, Any, Any]):
    def to_internal_value(self, data: Any) -> list[cues.Cue]:
        try:
            return cues.checked(data)
        except cues.BadCaptions as error:
            raise serializers.ValidationError(str(error)) from error

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field(StyleShape)
class StyleField(serializers.Field[Any, Any, Any, Any]):
    """Some values of a style; each is checked, and what is stored stays for the others."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        try:
            Style().changed(data)
        except BadStyle as error:
            raise serializers.ValidationError({error.field: [str(error)]}) from error
        return dict(data)

    def to_representation(self, value: Any) -> Any:
        return Style.stored(value).as_dict()


class SessionSerializer(serializers.ModelSerializer[EditingSession]):
    """A session that came with its recording and its sound."""

    recording = serializers.IntegerField(source="recording_id", read_only=True)
    captions = CaptionsField(read_only=True)
    style = StyleField(read_only=True)  # type: ignore[assignment]  # not the field's own style
    duration = serializers.FloatField(
        source="recording.duration", allow_null=True, read_only=True, help_text="Seconds."
    )
    waveform = serializers.SerializerMethodField()
    audio_url = serializers.SerializerMethodField()
    expires_at = serializers.SerializerMethodField()
    job = serializers.SerializerMethodField()

    class Meta:
        model = EditingSession
        fields = [
            "id",
            "recording",
            "captions",
            "style",
            "revision",
            "changed",
            "audio_url",
            "waveform",
            "audio_error",
            "duration",
            "created_at",
            "touched_at",
            "expires_at",
            "job",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(sound.STATES))
    def get_waveform(self, session: EditingSession) -> str:
        return sound.state_of(session)

    def get_audio_url(self, session: EditingSession) -> str | None:
        return session.audio.url if session.audio else None

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_expires_at(self, session: EditingSession) -> Any:
        """When it goes if nobody goes on with it."""
        idle = asked_once(self.context, "sessions", lambda: periods.stay("sessions"))
        moment = session.touched_at + idle if idle is not None else None
        return moment and serializers.DateTimeField().to_representation(moment)

    @extend_schema_field(JobSerializer(allow_null=True))
    def get_job(self, session: EditingSession) -> Any:
        """The newest rendering of this session."""
        newest = asked_once(
            self.context,
            f"renders of {session.recording_id}",
            lambda: _newest_renders(session.recording_id),
        )
        job = newest.get(session.pk)
        return JobSerializer(job).data if job else None


def _newest_renders(recording_id: int) -> dict[int, Job]:
    """Find the newest rendering of each session that a recording has; those are few."""
    there = list(EditingSession.objects.filter(recording=recording_id).values_list("pk", flat=True))
    jobs = Job.objects.filter(recording=recording_id, kind=Job.Kind.RENDER).defer("log")
    mine = jobs.filter(options__session__in=there).order_by("pk")
    return {job.options["session"]: job for job in mine}


class SessionLine(SessionSerializer):
    """A session in a list: how many captions instead of them all."""

    captions_count = serializers.SerializerMethodField()

    class Meta(SessionSerializer.Meta):
        fields = [
            *(one for one in SessionSerializer.Meta.fields if one != "captions"),
            "captions_count",
        ]
        read_only_fields = fields

    captions = None  # type: ignore[assignment]

    def get_captions_count(self, session: EditingSession) -> int:
        return len(session.captions)


class CaptionsImport(serializers.Serializer[Any]):
    """A file that replaces the captions of a session, as multipart/form-data."""

    revision = serializers.IntegerField(min_value=1, max_value=LARGEST_REVISION)
    file = serializers.FileField(
        allow_empty_file=True, help_text="SRT or WebVTT, in UTF-8, UTF-16, CP1251 or CP1252."
    )

    def validate_file(self, file: Any) -> list[cues.Cue]:
        try:
            return cues.of_segments(captions.parse(file.read(captions.MOST_BYTES + 1)))
        except (captions.CaptionError, cues.BadCaptions) as error:
            raise serializers.ValidationError(str(error)) from error


class ExportQuery(serializers.Serializer[Any]):
    format = serializers.ChoiceField(["srt", "vtt", "json"], default="srt")


class WaveformSerializer(serializers.Serializer[Any]):
    """For the schema alone."""

    duration = serializers.FloatField(help_text="Seconds.")
    per_second = serializers.FloatField(help_text="Peaks a second: 50, fewer beyond 33 minutes.")
    peaks = serializers.ListField(child=serializers.IntegerField(min_value=0, max_value=255))


class RenderRequest(serializers.Serializer[Any]):
    mode = serializers.ChoiceField(
        rendering.MODES, help_text="burn: in the picture; track: to be switched on in the player."
    )
    revision = serializers.IntegerField(
        min_value=1,
        max_value=LARGEST_REVISION,
        required=False,
        help_text="Render only if the session still has it.",
    )


class PublishRequest(serializers.Serializer[Any]):
    revision = serializers.IntegerField(
        min_value=1, max_value=LARGEST_REVISION, help_text="The one whose captions are meant."
    )


class SessionEdit(serializers.Serializer[Any]):
    """What to change; with `revision` alone the session is only kept in use."""

    revision = serializers.IntegerField(min_value=1, max_value=LARGEST_REVISION)
    captions = CaptionsField(required=False)
    style = StyleField(required=False)  # type: ignore[assignment]

    @property
    def change(self) -> Change:
        clean = self.validated_data
        return Change(captions=clean.get("captions"), style=clean.get("style"))
