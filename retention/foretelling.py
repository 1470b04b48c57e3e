"""Telling owners what a policy would take now that promises no date beforehand.

Rank, total size and disk pressure change with every upload, so nothing can be said weeks ahead.
Once a day each such policy is asked what it would take if it ran now, as its preview asks; owners
are told of what they were not told of before, with the moment of its next run. That run decides
anew, so the mail says "may".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from recordings.ledger import leases
from recordings.ledger.transactions import retried
from recordings.ledger.wording import moment
from retention import notify, schedule, words
from retention.choices import Action
from retention.clock import database_now
from retention.decide import Facts, decide
from retention.leaving import AHEAD, comparing_policies
from retention.models import Correspondent, NoticeSent, RetentionPolicy
from retention.targets.base import BATCH_SIZE
from retention.targets.recordings import Recordings

NO_DATE: Final = 0  # the horizon of these notices
DAY: Final = timedelta(hours=23)  # so that a daily look does not drift past its hour
LISTED: Final = 50  # recordings in one mail, the rest as a number
MOST: Final = 100_000  # recordings of one policy on one day; the next day tells of further ones


def foretell_due() -> int:
    """Ask each policy that compares recordings, once a day; return how many owners were mailed."""
    at = database_now()
    return sum(foretell(policy, at) for policy in comparing_policies(at) if _claim(policy))


def _claim(policy: RetentionPolicy) -> bool:
    """Take the day for a version of a policy; a crash gives it back, and nobody is told twice."""
    name = f"foretelling {policy.pk} v{policy.version}"
    return leases.take(name, DAY) is not None


def foretell(policy: RetentionPolicy, at: datetime) -> int:
    """Mail the owners of what the policy would take now; return how many were told something."""
    run = schedule.first_run(policy, at)
    if run is None or run > at + AHEAD:
        return 0
    by_owner: dict[int, list[Facts]] = {}
    for facts in islice(_news(policy, at), MOST):
        by_owner.setdefault(facts.owner_id or 0, []).append(facts)
    users = get_user_model()._default_manager.filter(pk__in=by_owner, is_active=True)
    off = Correspondent.objects.filter(wants_mail=False).values("owner_id")
    reached = users.exclude(email="").exclude(pk__in=off)
    return sum(
        retried(partial(_tell, owner, by_owner[owner.pk], policy, at, run)) for owner in reached
    )


def _news(policy: RetentionPolicy, at: datetime) -> Iterator[Facts]:
    """Yield the recordings that would go whole and that nobody was told of."""
    for batch in Recordings().candidates(policy, at):
        due = [one for one in batch if one.id and decide(policy.rules(), one, at).due]
        sent = NoticeSent.objects.filter(
            policy_id=policy.pk, horizon=NO_DATE, recording_id__in=[one.id for one in due]
        )
        told = set(sent.values_list("recording_id", flat=True))
        yield from (one for one in due if one.id not in told)


def _tell(
    owner: Any, going: Sequence[Facts], policy: RetentionPolicy, at: datetime, run: datetime
) -> bool:
    subject, body = _mail(owner, going, policy, run)
    with transaction.atomic():
        NoticeSent.objects.bulk_create(
            [
                NoticeSent(
                    recording_id=one.id or 0,
                    policy_id=policy.pk,
                    horizon=NO_DATE,
                    due_at=at,
                    leaves_at=run,
                )
                for one in going
            ],
            batch_size=BATCH_SIZE,
            ignore_conflicts=True,
        )
        # Each recording is told of once, so its number makes the key one of its own.
        key = f"may-leave-{policy.pk}-{going[0].id}-{run:%Y-%m-%d-%H-%M}"
        return notify.mail(key=key, to=owner.email, subject=subject, body=body)


def _mail(
    owner: Any, going: Sequence[Facts], policy: RetentionPolicy, run: datetime
) -> tuple[str, str]:
    subject = ngettext(
        "%d recording may leave your library soon",
        "%d recordings may leave your library soon",
        len(going),
    )
    what = f"{words.subject(policy)}{words.terms(policy)}{words.spared(policy)}"
    said = {
        "date": moment(run),
        "policy": policy.name,
        "what": what,
    }
    lines = [
        _("Hello %s,") % owner.get_username(),
        "",
        _(
            "These may be removed at the next run on %(date)s, because the policy “%(policy)s” "
            "(%(what)s) would take them if it ran now:"
        )
        % said,
        *(_("  “%(title)s” %(how)s") % _line(one, policy) for one in going[:LISTED]),
        "",
    ]
    if (more := len(going) - LISTED) > 0:
        lines += [ngettext("and %d more.", "and %d more.", more) % more, ""]
    lines += [
        _("Should one of them stay? Open it and choose “Ask to keep”, or download its files."),
        _("You can turn these mails off on your account page."),
    ]
    return subject % len(going), "\n".join(lines)


def _line(facts: Facts, policy: RetentionPolicy) -> dict[str, str]:
    how = {Action.TRASH: _("to the trash"), Action.ARCHIVE: _("to the archive")}
    return {"title": facts.name, "how": how.get(Action(policy.action), _("for ever"))}
