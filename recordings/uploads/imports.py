"""Imports as their owner sees them: asked for, listed, asked for again, forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from recordings.ledger.exceptions import AccountClosed
from recordings.ledger.models import Account
from recordings.ledger.transactions import retried
from recordings.models import Job
from recordings.processing import jobs
from recordings.processing.jobs import CannotProcess
from recordings.querysets import JobQuerySet
from recordings.uploads.addresses import check_shape
from recordings.uploads.exceptions import ImportsDisabled, TooManyImports

NOT_IN_VAIN: Final[Mapping[str, str]] = {
    Job.State.SUCCEEDED: "has succeeded",
    Job.State.QUEUED: "waits",
    Job.State.RUNNING: "is under way",
}
OFF: Final = "Importing from an address is switched off on this site: upload the file instead."


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


def _make(owner_id: int, options: dict[str, str], instead_of: int | None = None) -> Job:
    with transaction.atomic():
        account = Account.objects.lock([owner_id])[owner_id]
        if account.closing_since:
            raise AccountClosed("This account is being closed and takes nothing new.")
        if instead_of is not None and not _forgotten(instead_of):
            raise CannotProcess("This import was asked for again already.")
        if of_owner(owner_id).open().count() >= settings.IMPORTS_OPEN:
            raise TooManyImports(
                f"You have {settings.IMPORTS_OPEN} imports under way: wait for one to end, or "
                "cancel one."
            )
        job = Job.objects.create(kind=Job.Kind.IMPORT, owner_id=owner_id, options=options)
        transaction.on_commit(lambda: jobs.ring(job.pk, job.kind), robust=True)
    return job


def of_owner(owner_id: int) -> JobQuerySet:
    """The imports a person asked for, but those whose recording is somebody else's by now."""
    own = Q(recording=None) | Q(recording__owner=owner_id)
    rows: JobQuerySet = Job.objects.filter(own, kind=Job.Kind.IMPORT, owner_id=owner_id)
    return rows


def ask_again(owner: Any, former: Job) -> Job:
    """Have the file of an import fetched that failed or was stopped; the new job replaces it.

    Raises CannotProcess where there is nothing to do again, and what `ask` does.
    """
    _refuse_unless_in_vain(former)
    refuse_when_off()
    check_shape(former.options["url"])
    return retried(partial(_make, owner.pk, former.options, former.pk))


def forget(former: Job) -> None:
    """Take an import off its owner's list that failed or was stopped, if it is still there.

    It left no recording and no bytes, so nothing else goes. Raises CannotProcess.
    """
    _refuse_unless_in_vain(former)
    _forgotten(former.pk)


def _refuse_unless_in_vain(job: Job) -> None:
    if job.state not in {Job.State.FAILED, Job.State.CANCELLED}:
        raise CannotProcess(f"This import {NOT_IN_VAIN[job.state]}.")


def _forgotten(pk: int) -> bool:
    return bool(Job.objects.finished().filter(pk=pk, recording=None).delete()[0])


def name_of(job: Job) -> str:
    """What an import is called: its title, else where it comes from, without what may be secret."""
    parts = urlsplit(job.options["url"])
    return job.options["title"] or f"{parts.hostname}{unquote(parts.path, errors='replace')}"
