"""The daily audit: counts everything again, mends what accounts drifted by, notes what it found."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.dispatch import receiver

from recordings.audit import audited
from recordings.ledger import audit, leases
from retention.health import AUDIT, FAILED
from retention.models import Figure

EVERY: Final = timedelta(days=1)
LEASE: Final = timedelta(hours=12)  # longer than the listing of any storage


def is_due() -> bool:
    age = Figure.age(AUDIT)
    return age is None or age >= EVERY


def audit_when_due() -> bool:
    """Make the day's audit, in one process; False when it was made or another is at it."""
    if not is_due() or (token := leases.take(AUDIT, LEASE)) is None:
        return False
    try:
        if not is_due():
            return False
        note(audit.audit(repair=True))
    except Exception:
        Figure.note(AUDIT, FAILED, 1)
        Figure.note(AUDIT)  # a storage that cannot be listed is not asked again every tick
        raise
    finally:
        leases.give(AUDIT, token)
    return True


@receiver(audited)
def hear(report: audit.AuditReport, **kwargs: Any) -> None:
    """Take over what an audit by hand found."""
    note(report)


def note(report: audit.AuditReport) -> None:
    """Keep how many break each invariant, and when that was counted."""
    labels = {check.id for check in report.checks}
    with transaction.atomic():
        for check in report.checks:
            Figure.note(AUDIT, check.id, check.count)
        Figure.objects.filter(name=AUDIT).exclude(label__in=labels).delete()
        Figure.note(AUDIT)
