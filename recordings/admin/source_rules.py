"""Source rules in the admin: spans in words, and a sentence of what a rule does."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from recordings.forms import SpanField
from recordings.ledger.admin_base import LibraryAdmin
from recordings.models import SourceRule
from recordings.spans import HUNDRED_YEARS, period


class DelayField(SpanField):
    """A span that names its units: as seconds, a bare 14 would cost originals within the minute."""

    malformed = "Give a span such as 7 days or 24 hours."

    def prepare_value(self, value: Any) -> Any:
        seconds = int(value.total_seconds()) if isinstance(value, timedelta) else value
        return super().prepare_value(seconds)

    def to_python(self, value: Any) -> timedelta | None:  # type: ignore[override]
        number = str(value or "").strip()
        if re.fullmatch(r"\d+", number) and int(number[:15]):
            units = f"{number} days, {number} hours, {number} minutes or {number} seconds"
            raise ValidationError(f"Name the unit: {units}.")
        seconds = super().to_python(value)
        if seconds is not None and seconds > HUNDRED_YEARS:
            raise ValidationError(
                "That is longer than 100 years: give a shorter span, or keep the original."
            )
        return None if seconds is None else timedelta(seconds=seconds)


class SourceRuleForm(forms.ModelForm):  # type: ignore[type-arg]
    delay = DelayField(
        required=False,
        help_text="Such as 7 days or 24 hours, counted from the end of processing.",
    )
    cut_delay = DelayField(help_text="…the original stays for this long instead, such as 14 days.")

    class Meta:
        model = SourceRule
        fields: ClassVar = (
            "event", "action", "delay", "cut_seconds", "cut_percent", "cut_delay", "enabled",
        )  # fmt: skip

    def clean_delay(self) -> timedelta:
        return self.cleaned_data["delay"] or timedelta(0)

    def _update_errors(self, errors: ValidationError) -> None:
        """Leave out what the rule says of a field that was refused before it came to it."""
        for name in set(self.errors) & getattr(errors, "error_dict", {}).keys():
            del errors.error_dict[name]
        super()._update_errors(errors)  # type: ignore[misc]


@admin.register(SourceRule)
class SourceRuleAdmin(LibraryAdmin):
    form = SourceRuleForm
    list_display = (
        "event",
        "action",
        "after",
        "cut_seconds",
        "cut_percent",
        "after_cut",
        "enabled",
    )
    ordering = ("id",)

    @admin.display(description="delay")
    def after(self, rule: SourceRule) -> str:
        return period(int(rule.delay.total_seconds())) if rule.delay else "-"

    @admin.display(description="cut delay")
    def after_cut(self, rule: SourceRule) -> str:
        return period(int(rule.cut_delay.total_seconds())) if rule.cut_delay else "-"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request)  # one an event: the row is unique by it

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("event", "effect") if obj else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("event", *(("effect",) if obj else ()), *SourceRuleForm.Meta.fields[1:])

    @admin.display(description="what it does")
    def effect(self, rule: SourceRule) -> str:
        return rule.effect

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        stays = "Originals that have their date already keep it."
        self.say(request, f"From now on: {obj.effect} {stays}")
