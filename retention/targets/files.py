"""What the targets made of files outside storage share: batches, names, one removal at a time.

Not a target itself. Items are keyed by name, and each is looked at again right before it goes: by
its facts, by its rules, and by `unlink`, which leaves a file that has changed since.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from recordings.ledger.unlink import Found, Refused
from retention.choices import Outcome
from retention.decide import Blocker, Facts, decide
from retention.targets.base import BATCH_SIZE, GONE, Result, Work, age_of

CHANGED: Final = "It is gone already, in use or changed by now."
NAME_LENGTH: Final = 512  # of an item
TOO_LONG: Final = Blocker("Its name with its folders is too long to be written down, so it stays.")


def batches(facts: Iterable[Facts]) -> Iterator[list[Facts]]:
    """Cut what a walk finds, holding one batch at a time."""
    rest = iter(facts)
    while batch := list(islice(rest, BATCH_SIZE)):
        yield batch


def shown(name: str) -> str:
    """Write a file's name so that every database can keep it: bytes that are no text as `\\xff`."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def meant(shown: str) -> list[str]:
    """Return the names that look like this one, itself first."""
    bare = re.sub(rb"\\x([89a-f][0-9a-f])", lambda m: bytes.fromhex(m[1].decode()), shown.encode())
    return list(dict.fromkeys([shown, bare.decode("utf-8", "surrogateescape")]))


def facts(name: str, found: Found) -> Facts:
    """Say what decides about a file: its size and last change."""
    blockers = (TOO_LONG,) if len(name) > NAME_LENGTH else ()
    return Facts(name=name, size=found.size, counted_from=changed(found), blockers=blockers)


def changed(found: Found) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=found.modified_ns // 1000)


def remove_each(
    work: Work, look: Callable[[str], tuple[Facts, Callable[[], bool]] | None]
) -> dict[int | str, Result]:
    """Decide about each item as `look` finds it now, and take what is due.

    `look` returns the facts and what removes it, which tells whether anything was left to remove.
    """
    return {key: _remove(work, look(str(key))) for key in work.keys}


def _remove(work: Work, found: tuple[Facts, Callable[[], bool]] | None) -> Result:
    if found is None:
        return Result(Outcome.SKIPPED, GONE)
    facts, take = found
    decision = decide(work.policy.rules(), facts, work.at)
    if not decision.due:
        return Result(Outcome.SKIPPED, decision.sentence)
    try:
        gone = take()
    except (OSError, Refused) as error:
        return Result(Outcome.FAILED, f"It could not be removed: {error}")
    if not gone:
        return Result(Outcome.SKIPPED, CHANGED)
    return Result(Outcome.DELETED, freed=facts.size, age=age_of(facts, work.at))
