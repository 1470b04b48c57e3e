"""What sentences put together from other people's words need."""

from __future__ import annotations


def full_stop(text: str) -> str:
    """End a sentence where whoever wrote it has not."""
    text = text.rstrip()
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def printable(text: str) -> str:
    """Escape what names found in storage may hold: line ends, controls, bytes that are no text."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
