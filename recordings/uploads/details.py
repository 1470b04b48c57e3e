"""What is said of a recording when it comes in, whichever way it came."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath

from django.core.validators import RegexValidator

from recordings.models import TITLE_LENGTH, Label, Recording

NAME_LENGTH = 255
MOST_OF_TITLE = 150  # characters in the name of a download
MOST_LABELS = 20  # of one recording
language_code = RegexValidator(
    r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", "Give a language code such as en, ru or pt-br."
)


@dataclass(frozen=True, slots=True)
class Details:
    """Clean values; an empty title means the one made of the file's name. Seconds for the trim."""

    title: str = ""
    description: str = ""
    language: str = ""
    recorded_at: datetime | None = None
    expire_at: datetime | None = None
    labels: Sequence[str] = field(default_factory=list)
    trim_start: float | None = None
    trim_end: float | None = None
    captions: str = ""  # SRT
    process: bool = True

    def describe(self, recording: Recording) -> None:
        """Write the details into a row; the caller holds its lock."""
        recording.title = self.title or recording.title
        recording.description, recording.language = self.description, self.language
        recording.recorded_at, recording.expire_at = self.recorded_at, self.expire_at
        recording.trim_start, recording.trim_end = self.trim_start, self.trim_end
        recording.given_captions = self.captions
        recording.save()
        if self.labels:
            set_labels(recording, self.labels)


def label_names(texts: Iterable[str]) -> list[str]:
    """Part texts at their commas into names of labels, each once and tidied."""
    words = (" ".join(word.split()) for text in texts for word in text.split(","))
    return list(dict.fromkeys(filter(None, words)))


def set_labels(recording: Recording, names: Sequence[str]) -> None:
    """Give a recording these labels of its owner, making the new ones."""
    wanted = [Label(owner_id=recording.owner_id, name=name) for name in names]
    Label.objects.bulk_create(wanted, ignore_conflicts=True)
    recording.labels.set(Label.objects.filter(owner=recording.owner_id, name__in=names))


def shown_name(name: str) -> str:
    """Cut a client's file name to what can be shown: no folders, no control characters."""
    base = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(one for one in base if unicodedata.category(one) not in {"Cc", "Cs"}).strip()
    if len(kept) <= NAME_LENGTH:
        return kept
    suffix = PurePosixPath(kept).suffix[:20]
    return kept[: NAME_LENGTH - len(suffix)] + suffix


def download_name(title: str, what: str, extension: str) -> str:
    """Name what is made of a recording after its title."""
    base = shown_name(title.replace("/", "-").replace("\\", "-"))[:MOST_OF_TITLE]
    return f"{base or 'recording'} - {what}.{extension}"


def title_from(name: str) -> str:
    """Make a title of a file's name."""
    return PurePosixPath(name).stem.strip()[:TITLE_LENGTH] or "Untitled"
