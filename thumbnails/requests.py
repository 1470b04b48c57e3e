"""What comes in for a thumbnail: a picture by the API, the form of the editor."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _
from rest_framework import parsers, serializers

from recordings.api.parsers import BESIDE_FILE, Bounded, refuse_large
from recordings.ledger.exceptions import StorageFull
from thumbnails.lettering import cleaned
from thumbnails.models import ThumbnailTemplate
from thumbnails.render import ZOOM
from thumbnails.sandbox import MOST_BYTES

MOST_IN_FORM: Final = MOST_BYTES + BESIDE_FILE
TOO_LARGE: Final = "A picture may have 25 MB at most."
FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
TITLE_LENGTH: Final = 200


def check(meta: Mapping[str, Any]) -> None:
    """Raise RequestDataTooBig for a body larger than a form with a picture."""
    refuse_large(meta, MOST_IN_FORM, TOO_LARGE)


@contextmanager
def put_aside() -> Iterator[None]:
    """Read a body within: the framework puts a large one in a file. Raises StorageFull."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise  # its sender went away
        raise StorageFull("The disk is full; nothing was kept of this file.") from error


class PictureParser(Bounded, parsers.MultiPartParser):
    """For one picture; the general one takes what forms without files need."""

    most, sentence = MOST_IN_FORM, TOO_LARGE

    def parse(self, *given: Any, **named: Any) -> Any:
        with put_aside():
            return super().parse(*given, **named)


class TemplateField(serializers.SlugRelatedField[ThumbnailTemplate]):
    """The slug of a template in the gallery."""

    default_error_messages = {
        "does_not_exist": "There is no template of this name; GET /api/templates lists them.",
        "invalid": "Give the slug of a template.",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("slug", queryset=ThumbnailTemplate.objects.offered(), **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or "\0" in data:
            self.fail("invalid")
        return super().to_internal_value(data)


class ThumbnailRequest(serializers.Serializer[Any]):
    """Either a picture of one's own or a template."""

    image = serializers.FileField(
        required=False, help_text="JPEG, PNG, WebP or GIF, up to 25 MB and 40 million pixels."
    )
    template = TemplateField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError(
                "Give either `image`, as multipart/form-data, or `template`."
            )
        return attrs


class DefaultRequest(serializers.Serializer[Any]):
    template = TemplateField(allow_null=True, help_text="null: the site's default.")


class EditorForm(forms.Form):
    """What the editor sends: where the picture comes from, what of it is kept, what is written."""

    source = forms.CharField(
        max_length=80, error_messages={"required": _("Choose a picture first.")}
    )
    image = forms.FileField(label=_("A picture file"), required=False)
    seconds = forms.FloatField(
        label=_("Second of the video"),
        required=False,
        min_value=0,
        max_value=360_000,
        initial="0.0",
    )
    x = forms.FloatField(
        label=_("Left to right"), required=False, min_value=0, max_value=1, initial="0.5"
    )
    y = forms.FloatField(
        label=_("Top to bottom"), required=False, min_value=0, max_value=1, initial="0.5"
    )
    zoom = forms.FloatField(
        label=_("Zoom"), required=False, min_value=1, max_value=ZOOM, initial="1"
    )
    title = forms.CharField(
        label=_("Title on the picture"), required=False, max_length=TITLE_LENGTH
    )

    NEEDED: Final = (
        ("image", "image", _("Choose a file of your own first.")),
        ("frame", "seconds", _("Say at which second of the video.")),
    )

    def clean_source(self) -> str | ThumbnailTemplate:
        source: str = self.cleaned_data["source"]
        if source in {"image", "frame"}:
            return source
        slug = source.removeprefix("template:")
        offered = ThumbnailTemplate.objects.offered().select_related("stored")
        template = offered.filter(slug=slug).first()
        if template is None:
            raise forms.ValidationError(_("Choose a picture first."))
        return template

    def clean_title(self) -> str:
        return cleaned(self.cleaned_data["title"])

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        for source, field, sentence in self.NEEDED:
            wanted = given.get("source") == source and given.get(field) is None
            if wanted and field not in self.errors:
                self.add_error(None, sentence)
        return given

    @property
    def sentences(self) -> str:
        """What is wrong, each with the words that stand beside the field."""
        said = []
        for name, errors in self.errors.items():
            label = self.fields[name].label if name in self.fields else None
            said += [f"{label}: {error}" if label else str(error) for error in errors]
        return " ".join(said)

    @property
    def crop(self) -> list[float]:
        """The middle of what is kept and how much larger it is shown."""
        given = self.cleaned_data
        x, y = given.get("x"), given.get("y")
        return [0.5 if x is None else x, 0.5 if y is None else y, given.get("zoom") or 1.0]

    @property
    def is_plain(self) -> bool:
        """Whether it asks for a template as it is, which needs no copy."""
        given = self.cleaned_data
        template = isinstance(given["source"], ThumbnailTemplate)
        return template and not given["title"] and self.crop[2] == 1.0
