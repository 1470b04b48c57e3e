"""What sentences put together from other people's words need."""

from __future__ import annotations


def full_stop(text: str) -> str:
    """End a sentence where whoever wrote it has not."""
    text = text.rstrip()
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
