"""What administrators may send, checked here and refused in sentences."""

from __future__ import annotations

from typing import Any, Final

from django.core.exceptions import ValidationError
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from recordings.api.fields import OnlyKnown
from recordings.models import LABEL_LENGTH
from retention.choices import Action, Clock
from retention.models import LONGEST_AGE, LONGEST_INTERVAL, RetentionPolicy
from retention.targets import slugs

LARGEST: Final = 2**63 - 1
MOST_NAMES: Final = 500
MOST_COUNT: Final = 2**31 - 1
PLACES: Final = {  # where the API has what the row keeps elsewhere
    "crontab": "schedule",
    "timezone": "schedule",
    "every_seconds": "schedule",
    "limit_items": "limits",
    "limit_bytes": "limits",
    "limit_percent": "limits",
}


@extend_schema_field(OpenApiTypes.STR)
class NameOrId(serializers.Field[Any, Any, Any, Any]):
    """A user or group: by name, or by id."""

    def to_internal_value(self, data: Any) -> str | int:
        if isinstance(data, int) and not isinstance(data, bool) and 0 < data <= LARGEST:
            return data
        if isinstance(data, str) and data and "\0" not in data:
            return data
        raise serializers.ValidationError("Give a name or an id.")

    def to_representation(self, value: Any) -> Any:
        return value


class ScopeField(OnlyKnown):
    """Whose things: of these owners or groups, with one of these labels; empty is everyone's."""

    owners = serializers.ListField(child=NameOrId(), max_length=MOST_NAMES, required=False)
    groups = serializers.ListField(child=NameOrId(), max_length=MOST_NAMES, required=False)
    labels = serializers.ListField(
        child=serializers.CharField(max_length=LABEL_LENGTH), max_length=MOST_NAMES, required=False
    )


class ScheduleField(OnlyKnown):
    """Either a crontab line with a time zone, or an interval."""

    crontab = serializers.CharField(max_length=200, required=False)
    timezone = serializers.CharField(max_length=64, required=False)
    every_seconds = serializers.IntegerField(
        min_value=1, max_value=LONGEST_INTERVAL, required=False
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("crontab" in attrs) == ("every_seconds" in attrs):
            raise serializers.ValidationError("Give either a crontab or every_seconds.")
        return attrs


class LimitsField(OnlyKnown):
    """A run over one of these waits for approval; what is missing is no limit."""

    items = serializers.IntegerField(min_value=0, max_value=LARGEST, required=False)
    bytes = serializers.IntegerField(min_value=0, max_value=LARGEST, required=False)
    percent = serializers.IntegerField(min_value=0, max_value=100, required=False)


class PolicyRequest(OnlyKnown):
    """A policy, new or changed. A change of what it removes has to be accepted anew."""

    SHOWN_ONLY = (
        "id", "version", "accepted_version", "accepted_by", "accepted_at", "shipped", "summary",
        "next_run_at", "last_run", "impact",
    )  # fmt: skip

    slug = serializers.SlugField(max_length=80, required=False)
    name = serializers.CharField(max_length=200)
    target = serializers.CharField(max_length=32, help_text="A slug of a target.")
    enabled = serializers.BooleanField(required=False)
    clock = serializers.ChoiceField(choices=Clock.choices, required=False, allow_blank=True)
    max_age_seconds = serializers.IntegerField(
        min_value=0, max_value=LONGEST_AGE, required=False, allow_null=True
    )
    keep_newest = serializers.IntegerField(
        min_value=0, max_value=MOST_COUNT, required=False, allow_null=True
    )
    max_total_bytes = serializers.IntegerField(
        min_value=0, max_value=LARGEST, required=False, allow_null=True
    )
    disk_high_percent = serializers.IntegerField(
        min_value=1, max_value=100, required=False, allow_null=True
    )
    disk_low_percent = serializers.IntegerField(
        min_value=0, max_value=99, required=False, allow_null=True
    )
    scope = ScopeField(required=False)
    action = serializers.ChoiceField(choices=Action.choices)
    path = serializers.CharField(max_length=500, required=False, allow_blank=True)
    glob = serializers.CharField(max_length=200, required=False, allow_blank=True)
    recursive = serializers.BooleanField(required=False)
    schedule = ScheduleField(required=False, allow_null=True)
    at_startup = serializers.BooleanField(required=False)
    backup_first = serializers.BooleanField(required=False)
    limits = LimitsField(required=False, allow_null=True)
    notify_mail = serializers.BooleanField(required=False)
    notify_webhook = serializers.BooleanField(required=False)

    def validate_target(self, slug: str) -> str:
        if slug not in slugs():
            raise serializers.ValidationError(
                f"“{slug}” is no target: choose one of {', '.join(slugs())}."
            )
        return slug


def apply(policy: RetentionPolicy, given: dict[str, Any]) -> None:
    """Put the values given into a policy and store it. Raises ValidationError by field."""
    given = dict(given)
    if "schedule" in given:
        schedule = given.pop("schedule") or {}
        policy.crontab = schedule.get("crontab", "")
        policy.every_seconds = schedule.get("every_seconds")
        policy.timezone = schedule.get("timezone", policy.timezone)
    if "limits" in given:
        limits = given.pop("limits") or {}
        for name in ("items", "bytes", "percent"):
            setattr(policy, f"limit_{name}", limits.get(name))
    for name, value in given.items():
        setattr(policy, name, dict(value) if name == "scope" else value)
    try:
        policy.full_clean(exclude=[] if policy.slug else ["slug"], validate_constraints=False)
    except ValidationError as error:
        raise serializers.ValidationError(_placed(error)) from error
    policy.save()


def _placed(error: ValidationError) -> dict[str, list[str]]:
    sentences: dict[str, list[str]] = {}
    for field, found in error.message_dict.items():
        place = "non_field_errors" if field == "__all__" else PLACES.get(field, field)
        sentences.setdefault(place, []).extend(found)
    return sentences


class AcceptRequest(OnlyKnown):
    """The version of a policy that is accepted."""

    version = serializers.IntegerField(
        min_value=1,
        max_value=MOST_COUNT,
        required=False,
        help_text="The version that was looked at; without one, the version of this moment.",
    )


class HoldRequest(OnlyKnown):
    """A hold on one recording, or on everything of one owner."""

    recording = serializers.IntegerField(min_value=1, max_value=LARGEST, required=False)
    owner = NameOrId(required=False)
    reason = serializers.CharField(max_length=500)
    until = serializers.DateTimeField(
        required=False, allow_null=True, help_text="Without one it holds until released."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("recording" in attrs) == ("owner" in attrs):
            raise serializers.ValidationError("Give either a recording or an owner.")
        return attrs
