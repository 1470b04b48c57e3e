"""How policies, runs, items, holds, source rules and receipts look from outside."""

from __future__ import annotations

from copy import copy
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from recordings.api.fields import FiniteField
from recordings.ledger.models import Account, Hold, Receipt
from recordings.models import SourceRule
from retention.api.requests import LimitsField, ScheduleField, ScopeField
from retention.choices import State
from retention.models import LONGEST_AGE, RetentionPolicy, RetentionRun, RunItem


class StateField(serializers.ChoiceField):
    """The state of a run; one that is being undone is `running`, as it changes things again."""

    def __init__(self, **options: Any) -> None:
        states = [state for state in State.choices if state[0] != State.UNDOING]
        super().__init__(states, **options)

    def to_representation(self, value: str) -> str:
        return State.RUNNING.value if value == State.UNDOING else value


class RunSerializer(serializers.ModelSerializer[RetentionRun]):
    policy = serializers.CharField(source="policy_slug", read_only=True, help_text="Its slug.")
    state = StateField(read_only=True)

    class Meta:
        model = RetentionRun
        fields = [
            "id", "policy", "policy_version", "mode", "state", "started_by", "approved_by",
            "matched", "deleted", "skipped", "failed", "bytes_matched", "bytes_freed",
            "created_at", "started_at", "finished_at", "message",
        ]  # fmt: skip
        read_only_fields = fields


class ItemSerializer(serializers.ModelSerializer[RunItem]):
    """One thing of a run; `owner` is a user name, kept when the user is gone."""

    recording = serializers.IntegerField(source="recording_id", allow_null=True, read_only=True)
    owner = serializers.SerializerMethodField()

    class Meta:
        model = RunItem
        fields = [
            "id", "kind", "name", "recording", "owner", "size", "reason", "outcome", "detail",
        ]  # fmt: skip
        read_only_fields = fields

    def get_owner(self, item: RunItem) -> str | None:
        names: dict[int, str] = self.context["owner_names"]
        return None if item.owner_id is None else names.get(item.owner_id)


def owner_names(owner_ids: set[int | None]) -> dict[int, str]:
    """Name owners, those who are gone among them, in one query."""
    known = [pk for pk in owner_ids if pk is not None]
    accounts = Account.objects.filter(owner_id__in=known)
    return dict(accounts.values_list("owner_id", "name"))


class PolicySerializer(serializers.ModelSerializer[RetentionPolicy]):
    scope = serializers.SerializerMethodField()
    schedule = serializers.SerializerMethodField()
    limits = serializers.SerializerMethodField()
    summary = serializers.CharField(read_only=True, help_text="What it does, in a sentence.")
    next_run_at = serializers.DateTimeField(
        source="next_due_at", allow_null=True, read_only=True, help_text="Null while it rests."
    )
    last_run = serializers.SerializerMethodField()

    class Meta:
        model = RetentionPolicy
        fields = [
            "id", "slug", "name", "target", "enabled", "clock", "max_age_seconds", "keep_newest",
            "max_total_bytes", "disk_high_percent", "disk_low_percent", "scope", "action", "path",
            "glob", "recursive", "schedule", "at_startup", "backup_first", "limits", "notify_mail",
            "notify_webhook", "version", "accepted_version", "accepted_by", "accepted_at",
            "shipped", "summary", "next_run_at", "last_run",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(ScopeField)
    def get_scope(self, policy: RetentionPolicy) -> dict[str, list[Any]]:
        """People by name, those who are gone by id."""
        known = policy.known_people
        return {
            "owners": [known.users.get(pk, pk) for pk in policy.scope.get("owners") or []],
            "groups": [known.groups.get(pk, pk) for pk in policy.scope.get("groups") or []],
            "labels": policy.scope.get("labels") or [],
        }

    @extend_schema_field(ScheduleField(allow_null=True))
    def get_schedule(self, policy: RetentionPolicy) -> dict[str, Any] | None:
        if policy.every_seconds:
            return {"every_seconds": policy.every_seconds}
        if policy.crontab:
            return {"crontab": policy.crontab, "timezone": policy.timezone}
        return None

    @extend_schema_field(LimitsField)
    def get_limits(self, policy: RetentionPolicy) -> dict[str, int]:
        return policy.limits

    @extend_schema_field(RunSerializer(allow_null=True))
    def get_last_run(self, policy: RetentionPolicy) -> dict[str, Any] | None:
        run = policy.last_run
        return RunSerializer(run).data if run else None


class WeightSerializer(serializers.Serializer[Any]):
    items = serializers.IntegerField()
    bytes = serializers.IntegerField(source="size")
    owners = serializers.IntegerField()
    about = serializers.BooleanField(help_text="The bytes are estimated, from a sample.")


class ImpactSerializer(serializers.Serializer[Any]):
    """What a policy would take now, and against the version accepted last; null: none is known."""

    version = serializers.IntegerField()
    accepted_version = serializers.IntegerField(allow_null=True)
    goes = WeightSerializer(source="impact.goes")
    blocked = serializers.IntegerField(
        source="impact.blocked", help_text="Match the rules and stay, because something keeps them."
    )
    more = serializers.BooleanField(source="impact.more", help_text="It is at least that much.")
    refusal = serializers.CharField(source="impact.refusal", allow_blank=True)
    over_limit = serializers.CharField(
        allow_blank=True, help_text="Which of its limits a run now would be over, and so wait."
    )
    added = WeightSerializer(allow_null=True, source="change.added", default=None)
    removed = WeightSerializer(allow_null=True, source="change.removed", default=None)
    sentence = serializers.CharField(help_text="The difference; empty: none is known.")


class AcceptedSerializer(PolicySerializer):
    """A policy, with what it would have taken when it was accepted."""

    impact = serializers.SerializerMethodField()

    class Meta(PolicySerializer.Meta):
        fields = [*PolicySerializer.Meta.fields, "impact"]
        read_only_fields = fields

    @extend_schema_field(ImpactSerializer)
    def get_impact(self, policy: RetentionPolicy) -> dict[str, Any]:
        return ImpactSerializer(self.context["view"]).data


class HoldSerializer(serializers.ModelSerializer[Hold]):
    recording = serializers.IntegerField(source="recording_id", allow_null=True, read_only=True)
    owner = serializers.SerializerMethodField(help_text="A user name; null for one recording.")

    class Meta:
        model = Hold
        fields = [
            "id", "recording", "owner", "reason", "until", "placed_by", "placed_at",
            "released_by", "released_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_owner(self, hold: Hold) -> str | None:
        names: dict[int, str] = self.context["owner_names"]
        return None if hold.owner_id is None else names.get(hold.owner_id)


class SpanField(serializers.IntegerField):
    """A time span in whole seconds."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=LONGEST_AGE, required=False, **kwargs)

    def run_validators(self, value: Any) -> None:
        super().run_validators(int(value.total_seconds()))

    def to_internal_value(self, data: Any) -> Any:
        return timedelta(seconds=min(super().to_internal_value(data), LONGEST_AGE + 1))

    def to_representation(self, value: Any) -> int:
        return int(value.total_seconds())


class SourceRuleSerializer(serializers.ModelSerializer[SourceRule]):
    """What happens to the original when processing ends that way."""

    delay_seconds = SpanField(source="delay", help_text="With the action `delay`.")
    cut_seconds = FiniteField(
        required=False, allow_null=True, help_text="More than this cut off by trimming..."
    )
    cut_percent = FiniteField(
        required=False, allow_null=True, help_text="...or this share, 0 to 100..."
    )
    cut_delay_seconds = SpanField(source="cut_delay", help_text="...and it stays this long.")

    class Meta:
        model = SourceRule
        fields = [
            "id", "event", "action", "delay_seconds", "cut_seconds", "cut_percent",
            "cut_delay_seconds", "enabled",
        ]  # fmt: skip

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Have the rule say what is wrong with it, as its form in the admin does."""
        rule = copy(self.instance) if self.instance else SourceRule()
        for name, value in attrs.items():
            setattr(rule, name, value)
        try:
            rule.clean()
        except ValidationError as error:
            names = {field.source: name for name, field in self.fields.items()}
            wrong = {names[name]: said for name, said in error.message_dict.items()}
            raise serializers.ValidationError(wrong) from error
        return attrs


class ReceiptSerializer(serializers.ModelSerializer[Receipt]):
    class Meta:
        model = Receipt
        fields = [
            "id", "sequence", "storage", "name", "kind", "owner_id", "owner_name", "recording_id",
            "size", "sha256", "reason", "released_by", "released_at", "gone_at", "previous_hash",
            "hash",
        ]  # fmt: skip
        read_only_fields = fields


class ExplanationSerializer(serializers.Serializer[Any]):
    leaves_at = serializers.DateTimeField(
        allow_null=True, help_text="When it leaves its owner's sight; null: no date can be told."
    )
    policy = serializers.CharField(allow_null=True, help_text="A slug.")
    action = serializers.CharField(allow_null=True)
    blocked_by = serializers.ListField(child=serializers.CharField())
    sentence = serializers.CharField()
