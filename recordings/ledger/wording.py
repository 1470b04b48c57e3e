"""What sentences need that are put together: moments as pages write them, other people's words."""

from __future__ import annotations

from datetime import datetime

from django.utils.formats import date_format
from django.utils.timezone import localtime


def moment(at: datetime | None, otherwise: str = "-") -> str:
    """Write a moment as the site's pages do, in its time zone."""
    return otherwise if at is None else date_format(localtime(at), "DATETIME_FORMAT")


def full_stop(text: str) -> str:
    """End a sentence where whoever wrote it has not."""
    text = text.rstrip()
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def printable(text: str) -> str:
    """Escape what names found in storage may hold: line ends, controls, bytes that are no text."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
