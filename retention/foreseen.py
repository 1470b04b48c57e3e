"""Whether what was foreseen is still of the policies in force, and which have changed since.

With the forecast a mark of each policy that it was made from is kept. Marks are compared, not
moments: it does not matter in which order edits were committed or messages arrived.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zlib import crc32

from retention import leaving
from retention.models import Figure, RetentionPolicy

FORESEEN: Final = "foreseen"  # the figures: one for the whole, and one for each policy's mark
WHOLE: Final = ""
NAMED: Final = 3  # policies in one sentence, the rest as a number


@dataclass(frozen=True, slots=True)
class Foreseen:
    """When the forecast was made, and what became of policies since, by slug."""

    at: datetime
    changes: Mapping[str, str]


def marks() -> dict[str, int]:
    """Return a mark of each policy in force that can say when it removes recordings."""
    return {policy.slug: _mark(policy) for policy in leaving.dated()}


def _mark(policy: RetentionPolicy) -> int:
    said = (policy.pk, policy.version, policy.crontab, policy.timezone, policy.every_seconds)
    return crc32(repr(said).encode())


def note(seen: Mapping[str, int]) -> None:
    """Keep the marks that the forecast was made with, in the caller's transaction."""
    Figure.objects.filter(name=FORESEEN).exclude(label__in=[WHOLE, *seen]).delete()
    for slug, mark in seen.items():
        Figure.note(FORESEEN, slug, mark)
    Figure.note(FORESEEN, WHOLE)


def found() -> Foreseen | None:
    """Say how the forecast stands to the policies in force; None where there is none yet."""
    rows = Figure.objects.filter(name=FORESEEN).order_by("label")
    then = {figure.label: figure for figure in rows}
    whole = then.pop(WHOLE, None)
    if whole is None:
        return None
    former = {slug: figure.value for slug, figure in then.items()}
    return Foreseen(whole.at, dict(_changes(former, marks())))


def is_behind() -> bool:
    """Whether the forecast is to be made, or made anew."""
    stands = found()
    return stands is None or bool(stands.changes)


def _changes(then: Mapping[str, int], now: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    for slug in sorted({*then, *now}):
        if slug not in then:
            yield slug, "came into force"
        elif slug not in now:
            yield slug, "went out of force"
        elif then[slug] != now[slug]:
            yield slug, "was changed"


def sentence(changes: Mapping[str, str], names: Mapping[str, str]) -> str:
    """Say what became of policies: `“Old” came into force and 4 more changed`; or nothing."""
    said = [f"“{names.get(slug, slug)}” {what}" for slug, what in changes.items()]
    more = len(said) - NAMED
    if more > 0:
        said = [*said[:NAMED], f"{more} more changed"]
    return " and ".join(filter(None, [", ".join(said[:-1]), *said[-1:]]))
