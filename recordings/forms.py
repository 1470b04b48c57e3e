"""The forms of the owners' pages: what comes in is checked here and answered in sentences."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from recordings import languages
from recordings.ledger.forms import QuantityField
from recordings.models import LABEL_LENGTH, TITLE_LENGTH, ApiToken, Recording
from recordings.spans import LONGEST_SECONDS, period
from recordings.uploads.details import MOST_LABELS, label_names, set_labels

if TYPE_CHECKING:
    RecordingModelForm = forms.ModelForm[Recording]
    TokenModelForm = forms.ModelForm[ApiToken]
else:
    RecordingModelForm = TokenModelForm = forms.ModelForm

MOST_LABELS_LISTED: Final = 200
MOST_SELECTED: Final = 500
_CLOCK: Final = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,2}):)?(\d{1,6}(?:[.,]\d{1,3})?)")
SPAN_UNITS: Final = {
    "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hr": 3600,
    "hour": 3600, "d": 86400, "day": 86400, "week": 604800, "year": 31536000,
}  # fmt: skip


class SpanField(QuantityField):
    """Seconds, entered as a number of them or in words: `180 days`, `1 hour 30 minutes`."""

    malformed = "Give a span such as 180 days, 24 h or 90 (seconds)."

    def prepare_value(self, value: Any) -> Any:
        return period(value) if isinstance(value, int) else value

    def to_python(self, value: Any) -> int | None:  # type: ignore[override]
        text = str(value or "").strip().lower()
        if not text:
            return None
        if re.fullmatch(r"\d{1,15}", text):
            return int(text)
        parts = re.findall(r"(\d{1,15})\s*([a-z]+)[\s,]*", text)
        if "".join(f"{n}{unit}" for n, unit in parts) != re.sub(r"[\s,]", "", text):
            raise ValidationError(self.malformed)
        return sum(int(number) * self._seconds(unit) for number, unit in parts)

    def _seconds(self, unit: str) -> int:
        seconds = SPAN_UNITS.get(unit) or SPAN_UNITS.get(unit.removesuffix("s"))
        if seconds is None:
            raise ValidationError(f"“{unit}” is no unit: use days, hours, minutes or seconds.")
        return seconds


class SecondsField(forms.CharField):
    """A moment in a recording: seconds (90.5) or a clock (1:30.5, 1:02:03); cleans to a float."""

    def clean(self, value: Any) -> float | None:
        """Give None for an empty field. Raises ValidationError."""
        text = str(super().clean(value)).strip()
        return None if not text else parse_clock(text)


def parse_clock(text: str) -> float:
    """Raises ValidationError for what is no time, or longer than any recording."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValidationError(_("Write a time as seconds (90.5) or as a clock (1:30, 1:02:03)."))
    hours, minutes, seconds = match.groups()
    total = int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds.replace(",", "."))
    if total > LONGEST_SECONDS:
        raise ValidationError(_("This time is beyond the end of any recording."))
    return total


class TrimForm(forms.Form):
    """The owner's in and out points."""

    trim_start = SecondsField(
        label=gettext_lazy("Start at"),
        required=False,
        max_length=20,
        help_text=gettext_lazy("Such as 1:30. Empty: silence at the beginning is cut off."),
    )
    trim_end = SecondsField(
        label=gettext_lazy("End at"),
        required=False,
        max_length=20,
        help_text=gettext_lazy("Such as 58:00. Empty: silence at the end is cut off."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        start, end = cleaned.get("trim_start"), cleaned.get("trim_end")
        if end is not None and end <= (start or 0):
            self.add_error("trim_end", _("The end must be later than the start."))
        return cleaned


class ProcessForm(TrimForm):
    """What to do otherwise when a recording is processed again."""

    def __init__(self, *args: Any, duration: float | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.duration = duration or math.inf

    def clean_trim_start(self) -> float | None:
        start: float | None = self.cleaned_data["trim_start"]
        if start is not None and start >= self.duration:
            raise ValidationError(_("The recording is over by then; give an earlier start."))
        return start


def language_field(*, current: str = "", accepted: str = "") -> forms.ChoiceField:
    """What is spoken, to be chosen; see `languages.choices`."""
    return forms.ChoiceField(
        label=gettext_lazy("Spoken language"),
        required=False,
        choices=languages.choices(current=current, accepted=accepted),
    )


class UploadForm(TrimForm):
    """What can be said of an upload; the file itself is streamed past this form."""

    field_order = ["title", "language", "trim_start", "trim_end", "subtitles"]

    title = forms.CharField(
        label=gettext_lazy("Title"),
        required=False,
        max_length=TITLE_LENGTH,
        help_text=gettext_lazy("Empty: the name of the file."),
    )
    subtitles = forms.FileField(
        label=gettext_lazy("Your own subtitles"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".srt,.vtt"}),
        help_text=gettext_lazy(
            "SRT or WebVTT. They are used instead of a transcript made by machine."
        ),
    )

    def __init__(self, *args: Any, accepted: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"] = language_field(accepted=accepted)
        self.languages = languages.groups(accepted=accepted)
        self.order_fields(self.field_order)

    def clean_title(self) -> str:
        return " ".join(str(self.cleaned_data["title"]).split())


class EditForm(RecordingModelForm):
    """Title, description, language, labels and the date a recording leaves on."""

    labels = forms.CharField(
        label=gettext_lazy("Labels"),
        required=False,
        max_length=2000,
        help_text=gettext_lazy("Words to find it by, with commas between."),
    )
    expire_at = forms.DateTimeField(
        label=gettext_lazy("Leaves after"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=gettext_lazy(
            "It goes to the trash at the policy's first turn after this moment: its page says when "
            "that is. Empty: only the site's other policies apply."
        ),
    )

    class Meta:
        model = Recording
        fields = ["title", "description", "language", "expire_at"]
        widgets = {"description": forms.Textarea(attrs={"rows": 4})}

    def __init__(self, *args: Any, accepted: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        recording = self.instance
        self.fields["language"] = language_field(current=recording.language, accepted=accepted)
        self.initial["labels"] = ", ".join(label.name for label in recording.labels.all())

    def clean_title(self) -> str:
        return " ".join(str(self.cleaned_data["title"]).split())

    def clean_expire_at(self) -> datetime | None:
        at: datetime | None = self.cleaned_data["expire_at"]
        if at and "expire_at" in self.changed_data and at <= timezone.now():
            raise ValidationError(
                _("This moment has passed: choose a later one, or move the recording to the trash.")
            )
        return at

    def clean_labels(self) -> list[str]:
        names = label_names([self.cleaned_data["labels"]])
        if len(names) > MOST_LABELS:
            raise ValidationError(_("Give at most %d labels.") % MOST_LABELS)
        if long := [name for name in names if len(name) > LABEL_LENGTH]:
            raise ValidationError(_("“%s…” is too long for a label.") % long[0][:40])
        return names

    def save(self, commit: bool = True) -> Recording:
        recording = self.instance
        recording.save(update_fields=[*self.Meta.fields])
        set_labels(recording, self.cleaned_data["labels"])
        return recording


class LibraryForm(forms.Form):
    """What the library shows: search, filters, order, and where a further page begins."""

    search = forms.CharField(
        label=gettext_lazy("Search"),
        required=False,
        max_length=200,
        widget=forms.TextInput(
            attrs={"type": "search", "placeholder": gettext_lazy("Search titles and descriptions")}
        ),
    )
    state = forms.ChoiceField(
        label=gettext_lazy("State"),
        required=False,
        choices=[("", gettext_lazy("Any state")), *Recording.State.choices],
    )
    label = forms.ChoiceField(label=gettext_lazy("Label"), required=False)
    sort = forms.ChoiceField(
        label=gettext_lazy("Order"),
        required=False,
        choices=[
            ("newest", gettext_lazy("Newest first")),
            ("oldest", gettext_lazy("Oldest first")),
            ("title", gettext_lazy("By title")),
        ],
    )
    whose = forms.ChoiceField(
        label=gettext_lazy("Whose"),
        required=False,
        choices=[("", gettext_lazy("Mine")), ("everyone", gettext_lazy("Everyone's"))],
    )
    after = forms.CharField(required=False, widget=forms.HiddenInput, max_length=100)

    def __init__(self, data: Any, *, owner: Any, administrator: bool) -> None:
        super().__init__(data)
        names = owner.labels.order_by("name").values_list("name", flat=True)[:MOST_LABELS_LISTED]
        self.fields["label"] = forms.ChoiceField(
            label=gettext_lazy("Label"),
            required=False,
            choices=[("", _("Any label")), *((name, name) for name in names)],
        )
        if not administrator:
            del self.fields["whose"]

    @property
    def is_narrowed(self) -> bool:
        """Whether anything is filtered away, so that an empty page says the right thing."""
        return any(self.cleaned_data.get(name) for name in ("search", "state", "label"))


class IdsField(forms.TypedMultipleChoiceField):
    """Ids ticked in a list; which of them may be touched is for the query to say."""

    def __init__(self) -> None:
        super().__init__(coerce=int)

    def valid_value(self, value: str) -> bool:
        return value.isascii() and value.isdecimal() and len(value) < 19


class SelectionForm(forms.Form):
    """The recordings ticked in a list, or the one whose own button was pressed."""

    recordings = IdsField()

    def __init__(self, data: Any) -> None:
        only = data.getlist("only")
        super().__init__({"recordings": only or data.getlist("recordings")})

    def clean_recordings(self) -> list[int]:
        pks = sorted(set(self.cleaned_data["recordings"]))
        if len(pks) > MOST_SELECTED:
            raise ValidationError(_("Choose at most %d recordings at once.") % MOST_SELECTED)
        return pks


class TokenForm(TokenModelForm):
    """A new key for the API."""

    class Meta:
        model = ApiToken
        fields = ["name"]
        labels = {"name": gettext_lazy("Name")}
        help_texts = {"name": gettext_lazy("What it is for, such as “backup script on my laptop”.")}
