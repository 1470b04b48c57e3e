"""What runs say in maintenance.log: a line for each removal and one for the whole."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from retention import words
from retention.choices import Mode, Outcome, State
from retention.models import RetentionPolicy, RetentionRun, RunItem
from retention.targets import get
from retention.targets.base import Result

maintenance = logging.getLogger("mediasite.maintenance")

RECORDINGS: Final = frozenset({"recordings", "trash"})  # targets whose items are recordings
VERBS: Final = {Outcome.DELETED: "deleted", Outcome.TRASHED: "trashed"}


def log_items(
    run: RetentionRun,
    policy: RetentionPolicy,
    items: Sequence[RunItem],
    results: Mapping[int | str, Result],
) -> None:
    """Write a line for each thing that went or could not."""
    for item in items:
        result = results[item.key]
        if result.outcome in VERBS:
            verb = get(policy.target).verb or VERBS[result.outcome]
            maintenance.info(
                "sweep %s %s (%s bytes%s) policy=%s run=%s",
                verb, label(item), item.size, _age(result.age), policy.slug, run.pk,
            )  # fmt: skip
        elif result.outcome == Outcome.FAILED:
            maintenance.warning(
                "sweep could not delete %s: %s policy=%s run=%s",
                label(item), one_line(result.detail), policy.slug, run.pk,
            )  # fmt: skip


def label(item: RunItem) -> str:
    """Name an item in a log: recordings by id, since a title may say anything."""
    if item.kind in RECORDINGS and item.row_id is not None:
        return f"recording {item.row_id}"
    return one_line(item.name)


def one_line(text: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _age(age: timedelta | None) -> str:
    return "" if age is None else f", {age.total_seconds() / 3600:.1f} h old"


def summarise(run: RetentionRun, *, seconds: float, quiet: bool = False) -> None:
    """Write the line for the whole run; a quiet one is for those who debug."""
    if run.mode == Mode.PLAN:
        maintenance.info(
            "plan %s: %s in %.1f s: %s run=%s",
            run.policy_slug, words.going(run), seconds, run.state, run.pk,
        )  # fmt: skip
        return
    level = logging.INFO if run.state == State.SUCCEEDED else logging.WARNING
    level = logging.DEBUG if quiet else level
    maintenance.log(
        level,
        "sweep %s: %s, %s failed%s in %.1f s%s run=%s",
        run.policy_slug, words.went(run), run.failed, words.freed(run), seconds,
        f" ({run.state}: {run.message})" if run.message else "", run.pk,
    )  # fmt: skip
