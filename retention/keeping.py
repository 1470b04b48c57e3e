"""Asking to keep recordings, and answering: grant, decline, withdraw; and what came of it.

What is granted takes effect by the recording's own columns, which every policy decides by while
the row is locked; the request says who wanted it and why.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from recordings.ledger.transactions import retried
from recordings.ledger.wording import moment
from recordings.models import Recording
from retention.exceptions import RetentionError
from retention.models import KeepRequest

maintenance = logging.getLogger("mediasite.maintenance")

State = KeepRequest.State


class AlreadyAsked(RetentionError):
    """A request about this recording waits for its answer."""

    code = "already_asked"


class AlreadyKept(RetentionError):
    """The recording is marked to be kept."""

    code = "already_kept"


class AlreadyAnswered(RetentionError):
    """The request is not open any more."""

    code = "already_answered"


def ask(
    recording: Recording, *, reason: str, by: str, until: datetime | None = None
) -> KeepRequest:
    """Ask administrators to keep a recording. Raises AlreadyAsked, AlreadyKept."""
    if recording.keep:
        raise AlreadyKept(_("An administrator marked this recording to be kept."))
    try:
        with transaction.atomic():
            return KeepRequest.objects.create(
                recording_id=recording.pk,
                title=recording.title,
                owner_id=recording.owner_id,
                asked_by=by,
                reason=reason,
                until=until,
            )
    except IntegrityError as error:
        raise AlreadyAsked(_("A request to keep this recording waits for its answer.")) from error


def ask_for_many(
    recordings: Iterable[Recording], *, reason: str, by: str, until: datetime | None = None
) -> tuple[list[KeepRequest], dict[int, str]]:
    """Ask for each that can be asked for; return the requests, and why not, by recording."""

    def each() -> tuple[list[KeepRequest], dict[int, str]]:
        asked, refused = [], {}
        with transaction.atomic():
            for recording in recordings:
                try:
                    asked.append(ask(recording, reason=reason, by=by, until=until))
                except RetentionError as error:
                    refused[recording.pk] = str(error)
        return asked, refused

    return retried(each)


def grant(request: KeepRequest, *, by: str, until: datetime | None, answer: str = "") -> None:
    """Keep the recording, for good or until a date. Raises AlreadyAnswered, RetentionError."""
    if until is not None and until <= timezone.now():
        raise RetentionError("This date has passed: give a later one, or keep it for good.")
    gone = retried(partial(_grant, request, by=by, until=until, answer=answer))
    if gone:
        raise RetentionError("The recording is gone for ever, so nothing is left to keep.")
    maintenance.info("keep request %s granted recording=%s by=%s", request.pk,
                     request.recording_id, by)  # fmt: skip


def _grant(request: KeepRequest, *, by: str, until: datetime | None, answer: str) -> bool:
    """Write the recording first, whose lock a sweep may hold; return whether it is gone."""
    rows = Recording.objects.filter(pk=request.recording_id)
    with transaction.atomic():
        kept = rows.update(keep=True) if until is None else _extend(rows, until)
        state = State.GRANTED if kept else State.GONE
        if not request.close(state, by=by, answer=answer, granted_until=until if kept else None):
            raise AlreadyAnswered(_answered(request))
    return not kept


def _extend(rows: QuerySet[Recording], until: datetime) -> int:
    """Move the date on, never back: a longer promise made before stands."""
    rows.filter(Q(keep_until=None) | Q(keep_until__lt=until)).update(keep_until=until)
    return rows.count()


def decline(request: KeepRequest, *, by: str, answer: str = "") -> None:
    """Say no. Raises AlreadyAnswered."""
    if not request.close(State.DECLINED, by=by, answer=answer):
        raise AlreadyAnswered(_answered(request))
    maintenance.info("keep request %s declined recording=%s by=%s", request.pk,
                     request.recording_id, by)  # fmt: skip


def withdraw(request: KeepRequest, *, by: str) -> None:
    """Take a request back. Raises AlreadyAnswered."""
    if not request.close(State.WITHDRAWN, by=by):
        raise AlreadyAnswered(_answered(request))


def _answered(request: KeepRequest) -> str:
    return _("This request is not open any more: it is %(state)s.") % {
        "state": request.get_state_display()
    }


def with_outcomes(requests: Sequence[KeepRequest]) -> list[tuple[KeepRequest, str]]:
    """Pair requests with what has become of each by now; one query for all of them."""
    found = Recording.objects.in_bulk([request.recording_id for request in requests])
    return [(one, _outcome(one, found.get(one.recording_id))) for one in requests]


def _outcome(request: KeepRequest, recording: Recording | None) -> str:
    """Say what became of a request: of a granted one what holds now, not what was promised."""
    if request.is_open:
        return _("waits for an answer.")
    if request.state != State.GRANTED:
        return str(request.get_state_display()) + "."
    if recording is None:
        return _("granted, but the recording is not in the library any more.")
    if recording.keep:
        return _("granted, it is kept for good.")
    if recording.is_kept:
        return _("granted, it is kept until %s.") % moment(recording.keep_until)
    if request.granted_until is not None and request.granted_until <= timezone.now():
        return _("granted, it was kept until %s.") % moment(request.granted_until)
    return _("granted, but an administrator ended that: it is no longer kept.")


def close_gone() -> int:
    """Close the open requests whose recording is gone for ever; return how many."""
    gone = KeepRequest.objects.open().without_recording()
    return gone.update(state=State.GONE, decided_at=Now())


def follow(recording_ids: Collection[int], owner_id: int) -> int:
    """Give open requests to the new owner of their recordings; return how many.

    The wish is about the recording, so it stands; its new owner may withdraw it, and is answered.
    """
    rows = KeepRequest.objects.open().filter(recording_id__in=recording_ids)
    return rows.update(owner_id=owner_id)
