"""What may be sent: checked here, refused in sentences."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.http import QueryDict
from rest_framework import serializers

from recordings.api.fields import (
    LabelsField,
    LanguageField,
    OnlyKnown,
    SecondsField,
    TitleField,
    refuse_backwards,
)
from recordings.api.serializers import RecordingSerializer
from recordings.models import DESCRIPTION_LENGTH, LABEL_LENGTH, TITLE_LENGTH, Recording
from recordings.processing import captions
from recordings.uploads.addresses import LONGEST, AddressRefused, check_shape
from recordings.uploads.details import Details

LARGEST_BYTES = 2**63 - 1
SEVERAL = ("labels",)


class DetailsRequest(serializers.Serializer[Any]):
    """What can be said of an upload, beside the file."""

    title = TitleField(
        max_length=TITLE_LENGTH, required=False, help_text="Without one: the file's name."
    )
    description = serializers.CharField(max_length=DESCRIPTION_LENGTH, required=False)
    language = LanguageField(required=False)
    recorded_at = serializers.DateTimeField(required=False)
    expire_at = serializers.DateTimeField(required=False)
    labels = LabelsField(required=False)
    trim_start = SecondsField(required=False)
    trim_end = SecondsField(required=False)
    subtitles = serializers.CharField(
        max_length=captions.MOST_BYTES, trim_whitespace=False, required=False
    )
    process = serializers.BooleanField(default=True)

    def validate_subtitles(self, text: str) -> str:
        return read_captions(text.encode())

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        refuse_backwards(attrs.get("trim_start"), attrs.get("trim_end"))
        return attrs


class UploadRequest(DetailsRequest):
    """A file and what is said of it, as multipart/form-data. Best with the file last."""

    file = serializers.FileField()
    subtitles = serializers.FileField(  # type: ignore[assignment]
        required=False, help_text="SRT or WebVTT, as a file or as text."
    )


def details_of(fields: QueryDict, subtitles: bytes) -> Details:
    """Check the fields of an upload. Raises ValidationError."""
    data: dict[str, Any] = {name: value for name, value in fields.dict().items() if value != ""}
    data |= {name: fields.getlist(name) for name in SEVERAL if name in data}
    request = DetailsRequest(data=data)
    request.is_valid(raise_exception=True)
    clean = dict(request.validated_data)
    text = clean.pop("subtitles", "")
    if subtitles:
        text = _in_field("subtitles", subtitles)
    return Details(captions=text, **clean)


def _in_field(name: str, data: bytes) -> str:
    try:
        return read_captions(data)
    except serializers.ValidationError as error:
        raise serializers.ValidationError({name: error.detail}) from error


def read_captions(data: bytes) -> str:
    """Bring captions of any kind to SRT; the refusal names the line."""
    try:
        return captions.write_srt(captions.parse(data))
    except captions.CaptionError as error:
        raise serializers.ValidationError(str(error)) from error


class RecordingEdit(OnlyKnown, serializers.ModelSerializer[Recording]):
    """Changes to a recording. `keep`, `keep_until` and `owner` are for administrators."""

    ADMINISTRATORS_ONLY = ("keep", "keep_until", "owner")
    SHOWN_ONLY = tuple(RecordingSerializer.Meta.fields)

    title = TitleField(max_length=TITLE_LENGTH, required=False)
    description = serializers.CharField(
        max_length=DESCRIPTION_LENGTH, allow_blank=True, required=False
    )
    language = LanguageField(required=False)
    labels = LabelsField(required=False)
    keep = serializers.BooleanField(required=False)
    owner = serializers.SlugRelatedField(
        slug_field="username",
        queryset=get_user_model()._default_manager.filter(is_active=True),
        required=False,
        error_messages={
            "does_not_exist": "There is no active user of this name.",
            "invalid": "Give the name of a user.",
        },
    )

    class Meta:
        model = Recording
        fields = [
            "title", "description", "language", "labels", "expire_at", "keep", "keep_until",
            "owner",
        ]  # fmt: skip

    def to_internal_value(self, data: Any) -> Any:
        """A name with NUL in it is nobody's, and no question for a database."""
        name = data.get("owner") if isinstance(data, dict) else None
        if name is not None and (not isinstance(name, str) or "\0" in name):
            raise serializers.ValidationError({"owner": ["Give the name of a user."]})
        return super().to_internal_value(data)


class ProcessRequest(OnlyKnown):
    """What to do otherwise this time; null trims by silence again."""

    trim_start = SecondsField(required=False, allow_null=True)
    trim_end = SecondsField(required=False, allow_null=True)
    language = LanguageField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        refuse_backwards(attrs.get("trim_start"), attrs.get("trim_end"))
        return attrs


class ImportRequest(serializers.Serializer[Any]):
    """Where the file is, and what the recording is to be called."""

    url = serializers.CharField(max_length=LONGEST, help_text="Begins with https:// or http://.")
    title = TitleField(
        max_length=TITLE_LENGTH,
        default="",
        allow_blank=True,
        help_text="Without one: the file's name.",
    )

    def validate_url(self, url: str) -> str:
        try:
            check_shape(url)
        except AddressRefused as error:
            raise serializers.ValidationError(error.sentence) from error
        return url


class RecordingQuery(serializers.Serializer[Any]):
    """The filters of the list."""

    search = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="In title and description."
    )
    state = serializers.ChoiceField(choices=Recording.State.choices, required=False)
    label = serializers.CharField(  # type: ignore[assignment]  # not the serializer's own label
        max_length=LABEL_LENGTH, required=False
    )
    trashed = serializers.BooleanField(default=False, help_text="The trash instead of the library.")


class DeleteQuery(serializers.Serializer[Any]):
    permanent = serializers.BooleanField(
        default=False, help_text="Release it for ever instead of moving it to the trash."
    )


class QuotaEdit(serializers.Serializer[Any]):
    limit = serializers.IntegerField(
        min_value=0, max_value=LARGEST_BYTES, allow_null=True, help_text="Bytes; null is unlimited."
    )


class Credentials(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=4096, trim_whitespace=False)
    name = serializers.CharField(
        max_length=100, default="API", help_text="What the token is for; shown in the list."
    )
