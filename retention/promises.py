"""How long things stay, as the policies in force have it: for the layers below, that promise it."""

from __future__ import annotations

from datetime import timedelta

from retention.choices import Action
from retention.models import RetentionPolicy


def period_of(target: str) -> timedelta | None:
    """Return the shortest stay that a policy for everyone allows; None where there is none."""
    policies = RetentionPolicy.objects.in_force().filter(target=target, action=Action.DELETE)
    ages = [policy.rules().max_age for policy in policies if not policy.is_scoped]
    return min(ages, default=None)
