"""Values that come in, each checked once for uploads, edits and jobs alike."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Final

from django.utils.datastructures import MultiValueDict
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from recordings.ledger.wording import printable
from recordings.models import LABEL_LENGTH
from recordings.spans import LONGEST_SECONDS
from recordings.uploads.details import MOST_LABELS, label_names, language_code

MOST: Final = 20  # unknown fields that are named
LONGEST: Final = 100  # characters of a name


class OnlyKnown(serializers.Serializer[Any]):
    """Refuses a field it does not know by name: a misspelt one would silently say nothing.

    Forms may bring what tools add to them, and `SHOWN_ONLY` what an answer has and nobody sets, so
    that a thing can be sent back as it was read.
    """

    SHOWN_ONLY: ClassVar[Collection[str]] = ()

    def to_internal_value(self, data: Any) -> Any:
        """Raise ValidationError by the names of the first fields that are not known."""
        if isinstance(data, Mapping) and not isinstance(data, MultiValueDict):
            known = {*self.fields, *self.SHOWN_ONLY}
            unknown = [printable(str(name)[:LONGEST]) for name in data if name not in known]
            if unknown:
                sentence = "There is no such field."
                raise serializers.ValidationError({name: [sentence] for name in unknown[:MOST]})
        return super().to_internal_value(data)


class FiniteField(serializers.FloatField):
    """A number that can be reckoned with: no truth value, no infinity, and not `nan`."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool):
            self.fail("invalid")
        try:
            number = super().to_internal_value(data)
        except OverflowError:
            self.fail("invalid")
        if not math.isfinite(number):
            self.fail("invalid")
        return number


class SecondsField(FiniteField):
    """Seconds from the start of a recording: not negative, at most 100 hours."""

    default_error_messages = {
        "invalid": "Give seconds from the start as a number, such as 90.5.",
        "range": "Give seconds from 0 to 360000.",
    }

    def to_internal_value(self, data: Any) -> float:
        seconds = super().to_internal_value(data)
        if not 0 <= seconds <= LONGEST_SECONDS:
            self.fail("range")
        return seconds


class LanguageField(serializers.CharField):
    """A language code, empty where nobody said."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=16, allow_blank=True, validators=[language_code], **kwargs)


class TitleField(serializers.CharField):
    """One line of any script."""

    def to_internal_value(self, data: Any) -> str:
        return " ".join(str(super().to_internal_value(data)).split())


@extend_schema_field(serializers.ListField(child=serializers.CharField(max_length=LABEL_LENGTH)))
class LabelsField(serializers.Field[list[str], Any, list[str], Any]):
    """Words, as a list or with commas between."""

    default_error_messages = {
        "invalid": "Give labels as a list of words, or with commas between.",
        "many": f"Give at most {MOST_LABELS} labels.",
        "long": f"A label may have at most {LABEL_LENGTH} characters.",
    }

    def to_internal_value(self, data: Any) -> list[str]:
        given = [data] if isinstance(data, str) else data
        if not isinstance(given, list) or len(given) > 1000:
            self.fail("invalid")
        labels = label_names(self._word(one) for one in given)
        if len(labels) > MOST_LABELS:
            self.fail("many")
        if any(len(label) > LABEL_LENGTH for label in labels):
            self.fail("long")
        return labels

    def _word(self, one: Any) -> str:
        # The length is looked at before the text is, whose validators say NUL and surrogates.
        if not isinstance(one, str):
            self.fail("invalid")
        return str(serializers.CharField(max_length=5000, allow_blank=True).run_validation(one))

    def to_representation(self, value: Any) -> list[str]:
        return list(value)


def refuse_backwards(start: float | None, end: float | None) -> None:
    """Raise ValidationError where the end of a cut is not after its start."""
    if end is not None and end <= (start or 0):
        raise serializers.ValidationError(
            {"trim_end": ["The end must be later than the start of the part that stays."]}
        )
