"""Sizes in forms: entered and shown with their units."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from recordings.ledger.models import Account

SIZES: Final = ("bytes", "KB", "MB", "GB", "TB")
LARGEST: Final = 2**63 - 1


class QuantityField(forms.CharField):
    """A number entered in words, so what was typed is compared by what it comes to."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True


class BytesField(QuantityField):
    """Bytes, entered as a number of them or with a unit: `500 GB`, `2.5 TB` (of 1024)."""

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, int):
            return value
        power = next((n for n in range(4, 0, -1) if value and value % 1024**n == 0), 0)
        return f"{value // 1024**power} {SIZES[power]}" if power else str(value)

    def to_python(self, value: Any) -> int | None:  # type: ignore[override]
        text = str(value or "").strip().upper()
        if not text:
            return None
        parts = re.fullmatch(r"(\d{1,19}(?:\.\d{1,6})?)\s*([KMGT]?)I?B?", text)
        if parts is None:
            raise ValidationError("Give a size such as 500 GB, 2.5 TB or a number of bytes.")
        size = int(Decimal(parts[1]) * 1024 ** ("KMGT".find(parts[2] or "-") + 1))
        if size > LARGEST:
            raise ValidationError("That is more than can be counted: give a smaller size.")
        return size


class QuotaForm(forms.ModelForm):  # type: ignore[type-arg]
    own_limit = BytesField(
        label="Own limit", required=False, help_text="Such as 500 GB; empty means unlimited."
    )

    class Meta:
        model = Account
        fields = ("uses_default_limit", "own_limit")

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if "own_limit" in self.changed_data and given.get("uses_default_limit"):
            self.add_error("own_limit", "Untick “site default” for this limit to be in force.")
        return given
