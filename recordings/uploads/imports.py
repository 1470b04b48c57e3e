"""Imports as their owner sees them: asked for, listed, asked for again."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from recordings.ledger.exceptions import AccountClosed
from recordings.ledger.models import Account
from recordings.ledger.transactions import retried
from recordings.models import Job
from recordings.processing import jobs
from recordings.uploads.addresses import check_shape
from recordings.uploads.exceptions import ImportsDisabled, TooManyImports

OFF = "Importing from an address is switched off on this site: upload the file instead."


def refuse_when_off() -> None:
    if not settings.IMPORT_BY_URL:
        raise ImportsDisabled(OFF)


def ask(owner: Any, *, url: str, title: str = "") -> Job:
    """Have a file fetched; the job says how it goes.

    Raises ImportsDisabled, AddressRefused, TooManyImports, AccountClosed.
    """
    refuse_when_off()
    check_shape(url)
    return retried(partial(_make, owner.pk, {"url": url.strip(), "title": title}))


def _make(owner_id: int, options: dict[str, str]) -> Job:
    with transaction.atomic():
        account = Account.objects.lock([owner_id])[owner_id]
        if account.closing_since:
            raise AccountClosed("This account is being closed and takes nothing new.")
        if of_owner(owner_id).open().count() >= settings.IMPORTS_OPEN:
            raise TooManyImports(
                f"You have {settings.IMPORTS_OPEN} imports under way: wait for one to end, or "
                "cancel one."
            )
        job = Job.objects.create(kind=Job.Kind.IMPORT, owner_id=owner_id, options=options)
        transaction.on_commit(lambda: jobs.ring(job.pk, job.kind), robust=True)
    return job


def of_owner(owner_id: int) -> Any:
    """The imports a person asked for, but those whose recording is somebody else's by now."""
    own = Q(recording=None) | Q(recording__owner=owner_id)
    return Job.objects.filter(own, kind=Job.Kind.IMPORT, owner_id=owner_id)
