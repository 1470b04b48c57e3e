"""Telling people in time: owners what leaves, and administrators what a run did.

Every owner's library is looked through once a day, by whoever claims the day first, and what is
new at 30, 7 or 1 days ahead goes into one mail. A notice is written down in the transaction that
queues its mail, so no crash loses one of them without the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils.formats import date_format
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from recordings.ledger.transactions import retried
from recordings.models import Recording
from retention import keeping, notify, words
from retention.choices import Action, Mode, State
from retention.clock import database_now
from retention.leaving import AHEAD, Leaving, dated_policies, soonest, within
from retention.models import (
    Correspondent,
    KeepRequest,
    NoticeSent,
    RetentionPolicy,
    RetentionRun,
)
from retention.targets.base import BATCH_SIZE

HORIZONS: Final = (1, 7, 30)  # days ahead
OWNERS_AT_ONCE: Final = 20  # on one tick
LISTED: Final = 50  # recordings in one mail, the rest as a number
LATE: Final = timedelta(hours=1)  # a promise that moves less is the same
FORGET_AFTER: Final = timedelta(days=90)


def send_due() -> int:
    """Look through the libraries of some owners whose turn it is; return how many were mailed."""
    at = database_now()
    policies = dated_policies(at)
    owners = list(_owners_due(localdate(at))[:OWNERS_AT_ONCE]) if policies else []
    return sum(retried(partial(look_through, owner, policies, at)) for owner in owners)


def _owners_due(day: date) -> Any:
    """Owners with an address, of whom nobody has taken this day."""
    seen = Correspondent.objects.filter(owner_id=OuterRef("pk"))
    done = seen.filter(Q(looked_on__gte=day) | Q(wants_mail=False))
    users = get_user_model()._default_manager.filter(is_active=True).exclude(email="")
    return users.filter(~Exists(done)).order_by("pk")


def look_through(owner: Any, policies: Sequence[RetentionPolicy], at: datetime) -> bool:
    """Claim the day for an owner, and mail what is new in it; False when there was nothing.

    All is read before the transaction, which then is short whatever the size of the library.
    """
    news = [
        one
        for batch in _batches(owner.pk, policies, at + AHEAD)
        for one in _news(soonest(batch, policies, at), at)
    ]
    with transaction.atomic():
        if not _claim(owner.pk, localdate(at)) or not news:
            return False
        _note(news, at)
        key = f"leaving-{owner.pk}-{localdate(at):%Y-%m-%d}"
        subject, body = _digest(owner, news)
        notify.mail(key=key, to=owner.email, subject=subject, body=body)
    return True


def _batches(
    owner_id: int, policies: Sequence[RetentionPolicy], until: datetime
) -> Iterator[list[Recording]]:
    """Cut by ids read beforehand: in order and with a limit, each batch could cost the table."""
    rows = within(Recording.objects.filter(owner_id=owner_id), policies, until)
    pks = sorted(rows.values_list("pk", flat=True))
    for start in range(0, len(pks), BATCH_SIZE):
        yield list(Recording.objects.filter(pk__among=pks[start : start + BATCH_SIZE]))


def _claim(owner_id: int, day: date) -> bool:
    Correspondent.objects.get_or_create(owner_id=owner_id)
    mine = Correspondent.objects.filter(Q(looked_on=None) | Q(looked_on__lt=day), wants_mail=True)
    return bool(mine.filter(owner_id=owner_id).update(looked_on=day))


def _news(found: Iterable[Leaving], at: datetime) -> list[Leaving]:
    """Leave out what is far off, and what the owner was told before."""
    near = [leaving for leaving in found if leaving.leaves_at <= at + AHEAD]
    told: dict[int, list[NoticeSent]] = {}
    ids = [leaving.recording_id for leaving in near]
    for notice in NoticeSent.objects.filter(recording_id__in=ids).order_by("pk"):
        told.setdefault(notice.recording_id, []).append(notice)
    return [one for one in near if _is_news(one, told.get(one.recording_id, []), at)]


def _note(news: Iterable[Leaving], at: datetime) -> None:
    notices = [
        NoticeSent(
            recording_id=one.recording_id,
            policy_id=one.policy.pk,
            horizon=horizon(one, at),
            due_at=one.due_at,
            leaves_at=one.leaves_at,
        )
        for one in news
    ]
    NoticeSent.objects.bulk_create(notices, batch_size=BATCH_SIZE, ignore_conflicts=True)


def horizon(leaving: Leaving, at: datetime) -> int:
    """Return the least of HORIZONS that the day it leaves on is not beyond."""
    return next(days for days in HORIZONS if leaving.leaves_at - at <= timedelta(days=days))


def _is_news(leaving: Leaving, told: Sequence[NoticeSent], at: datetime) -> bool:
    """Whether nobody said so at this horizon, or it was last promised to stay for longer."""
    if told and leaving.leaves_at < told[-1].leaves_at - LATE:
        return True
    return not any(
        one.policy_id == leaving.policy.pk
        and one.horizon <= horizon(leaving, at)
        and one.due_at == leaving.due_at
        for one in told
    )


def _digest(owner: Any, news: Sequence[Leaving]) -> tuple[str, str]:
    """Write the subject and the body of one mail: what leaves first by name, the rest counted."""
    by_date = sorted(news, key=lambda one: (one.leaves_at, one.recording_id))
    subject = ngettext(
        "%d recording leaves your library soon",
        "%d recordings leave your library soon",
        len(news),
    )
    lines = [_("Hello %s,") % owner.get_username(), ""]
    for day, leaving in groupby(by_date[:LISTED], key=lambda one: localdate(one.leaves_at)):
        lines += [_("On %s:") % date_format(day, "DATE_FORMAT"), *map(_line, leaving), ""]
    if (more := len(news) - LISTED) > 0:
        lines += [ngettext("and %d more.", "and %d more.", more) % more, ""]
    lines += [
        _("Should one of them stay? Open it and choose “Ask to keep”, or download its files."),
        _("You can turn these mails off on your account page."),
    ]
    return subject % len(news), "\n".join(lines)


def _line(leaving: Leaving) -> str:
    how = _("to the trash") if leaving.policy.action == Action.TRASH else _("for ever")
    said = {"title": leaving.facts.name, "how": how, "policy": leaving.policy.name}
    return _("  “%(title)s” %(how)s, because of the policy “%(policy)s”") % said


def forget() -> int:
    """Drop the notices whose promise is long past; return how many."""
    old = NoticeSent.objects.filter(sent_at__lt=Now() - FORGET_AFTER)
    pks = list(old.values_list("pk", flat=True)[:10_000])
    return NoticeSent.objects.filter(pk__in=pks).delete()[0]


# --- answers to requests to keep


def tell_answers(requests: Collection[KeepRequest]) -> None:
    """Mail owners what became of their requests, one mail each."""
    by_owner: dict[int, list[KeepRequest]] = {}
    for request in requests:
        by_owner.setdefault(request.owner_id, []).append(request)
    users = get_user_model()._default_manager.filter(pk__in=by_owner, is_active=True)
    off = Correspondent.objects.filter(owner_id__in=by_owner, wants_mail=False)
    for user in users.exclude(email="").exclude(pk__in=off.values("owner_id")):
        mine = by_owner[user.pk]
        lines = [answer_line(asked, said) for asked, said in keeping.with_outcomes(mine)]
        notify.mail(
            key=f"keep-requests-{mine[0].pk}-{mine[-1].pk}-{mine[0].state}",
            to=user.email,
            subject=_("Your request to keep recordings was answered"),
            body="\n".join([_("Hello %s,") % user.get_username(), "", *lines]),
        )


def answer_line(request: KeepRequest, outcome: str) -> str:
    """Say in one line what became of a request."""
    said = _("“%(title)s”: %(what)s") % {"title": request.title, "what": outcome}
    return f"{said} {request.answer}".rstrip()


# --- runs


def tell_of(run: RetentionRun) -> None:
    """Send administrators the summary of a run that waits for them, or whose policy asks for it."""
    policy = run.policy
    if policy is None or run.mode == Mode.PLAN:
        return
    if run.state == State.SUCCEEDED and not run.matched:
        return
    with transaction.atomic():
        if policy.notify_mail or run.state == State.WAITING:
            for address in notify.administrators():
                notify.mail(key=f"run-{run.pk}-{run.state}-{address}", to=address, **_summary(run))
        if policy.notify_webhook:
            notify.webhook(key=f"run-{run.pk}-{run.state}", payload=payload(run))


def _summary(run: RetentionRun) -> dict[str, str]:
    said = f"{words.went(run)}, {run.skipped} skipped, {run.failed} failed{words.freed(run)}."
    lines = [f"Run {run.pk} of {run.policy_slug} {run.get_state_display()}: {said}"]
    return {
        "subject": f"{run.policy_slug}: {run.get_state_display()}, {words.went(run)}",
        "body": "\n".join([*lines, run.message]).rstrip(),
    }


def payload(run: RetentionRun) -> dict[str, Any]:
    """What the webhook is told of a run."""
    return {
        "event": "run",
        "run": run.pk,
        "policy": run.policy_slug,
        "state": run.state,
        "started_by": run.started_by,
        "matched": run.matched,
        "deleted": run.deleted,
        "skipped": run.skipped,
        "failed": run.failed,
        "bytes_freed": run.bytes_freed,
        "message": run.message,
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
    }
