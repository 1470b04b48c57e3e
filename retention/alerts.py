"""Telling administrators when a check turns bad and when it clears, once each."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from retention import notify
from retention.clock import database_now
from retention.health import OK, Check, Health, health
from retention.models import HealthAlert


def watch(at: datetime | None = None) -> Health:
    """Look at the site's health and have told what turned since the last look."""
    at = at or database_now()
    found, standing = health(at), dict(HealthAlert.objects.values_list("name", "status"))
    for check in found.checks:
        # What was never heard of is no turn: a site that was not started yet has nobody to tell.
        unheard = check.value is None and check.status != OK
        if check.status != standing.get(check.name, OK) and not unheard:
            follow(check, at)
    return found


def follow(check: Check, at: datetime) -> bool:
    """Bring a check's row in step; True for the one process that saw it turn, and told."""
    HealthAlert.objects.get_or_create(name=check.name)
    row = HealthAlert.objects.filter(name=check.name)
    turned = row.exclude(status=OK) if check.status == OK else row.filter(status=OK)
    with transaction.atomic():
        if not turned.update(status=check.status, since=Now(), turns=F("turns") + 1):
            row.exclude(status=check.status).update(status=check.status)  # worse or better: told
            return False
        tell(check, row.values_list("turns", flat=True).get(), at)
    return True


def tell(check: Check, turn: int, at: datetime) -> None:
    """Write the notices of one turn."""
    key = f"health {check.name} {turn}"
    state = "is well again" if check.status == OK else f"is {check.status}"
    for address in notify.administrators():
        notify.mail(
            key=f"{key} {address}",
            to=address,
            subject=f"mediasite: {check.name} {state}",
            body=f"{check.sentence}\n\n{at:%Y-%m-%d %H:%M} UTC\n",
        )
    notify.webhook(
        key=key,
        payload={
            "event": "health",
            "check": check.name,
            "status": check.status,
            "value": check.value,
            "threshold": check.threshold,
            "sentence": check.sentence,
            "at": at,
        },
    )
