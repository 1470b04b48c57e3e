"""How long things stay, as the policies in force have it: for the layers below, that promise it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from retention import schedule
from retention.models import RetentionPolicy

# Others stamp what was promised; here it is asked again.
ASKED_ANEW: Final = frozenset({"finals", "quarantine", "sessions"})


def period_of(target: str) -> timedelta | None:
    """Return the shortest stay that a policy for everyone allows; None where there is none."""
    policy = shortest(target)
    return policy.rules().max_age if policy else None


def shortest(target: str) -> RetentionPolicy | None:
    """Return the policy for everyone that allows the shortest stay.

    What is asked anew whenever it is shown has none while the policies rest.
    """
    if target in ASKED_ANEW and schedule.stopped():
        return None
    policies = RetentionPolicy.objects.in_force().filter(target=target)
    promising = (policy for policy in policies if policy.is_promise)
    return min(promising, key=lambda policy: policy.rules().max_age, default=None)
