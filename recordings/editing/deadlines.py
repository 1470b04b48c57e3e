"""How long idle sessions and final videos stay; upper layers know, since policies say it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

Source = Callable[[], timedelta | None]

# The first answer that is not None holds; without one, nothing is promised to go.
idle_sources: list[Source] = []
final_sources: list[Source] = []


def idle_period() -> timedelta | None:
    """Return how long a session stays that nobody goes on with; None is for ever."""
    return _first(idle_sources)


def final_period() -> timedelta | None:
    """Return how long a final video can be downloaded; None is for ever."""
    return _first(final_sources)


def _first(sources: Sequence[Source]) -> timedelta | None:
    said = (source() for source in sources)
    return next((wait for wait in said if wait is not None), None)
