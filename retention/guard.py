"""Whether a planned run stays inside its policy's limits; over one it waits for an approval."""

from __future__ import annotations

from typing import Final

from django.db.models import Count, Sum

from recordings.spans import size_in_words
from retention.choices import Outcome
from retention.models import RetentionPolicy, RetentionRun
from retention.targets import get

PERCENT_FROM: Final = 100  # items in the scope; a share of fewer says little


def over_limit(run: RetentionRun, policy: RetentionPolicy) -> str:
    """Say which limit the run's plan is over; empty when it may go on."""
    if not policy.limits:
        return ""
    going = run.items.filter(outcome=Outcome.WOULD).aggregate(
        items=Count("pk"), rows=Count("row_id"), size=Sum("size", default=0)
    )
    return exceeded(policy, **going)


def exceeded(policy: RetentionPolicy, *, items: int, rows: int, size: int) -> str:
    """Say which limit so many items are over, `rows` of them whole things; empty when none."""
    if policy.limit_items is not None and items > policy.limit_items:
        return f"It would remove {items} items, and its limit is {policy.limit_items}."
    if policy.limit_bytes is not None and size > policy.limit_bytes:
        most = size_in_words(policy.limit_bytes)
        return f"It would remove {size_in_words(size)}, and its limit is {most}."
    if policy.limit_percent is not None:
        # Renditions that go alone are no share of the recordings.
        return _over_percent(rows, get(policy.target).total(policy), policy.limit_percent)
    return ""


def _over_percent(items: int, total: int, limit: int) -> str:
    if total < PERCENT_FROM or items * 100 <= total * limit:
        return ""
    return f"It would remove {items} of {total}, and its limit is {limit} percent."
