"""Sign-ins that have run out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Final

from django.contrib.sessions.models import Session
from django.db.models import QuerySet

from retention import words
from retention.choices import Action, Clock, Outcome
from retention.decide import Facts
from retention.models import RetentionPolicy
from retention.targets import library
from retention.targets.base import BATCH_SIZE, Result, Target, Work, sort_out

NAME: Final = "sign-in "
SHOWN: Final = 12  # of 32 signs: a whole key in a log would sign in whoever reads it in time
LAST_SIGNS: Final = "z" * 32  # of keys made of digits and small letters


class DjangoSessions(Target):
    slug = "django_sessions"
    noun = "expired sign-ins"
    removes = "Sessions of the web interface that have run out; never one that is still signed in."
    clocks = (Clock.EXPIRE_AT,)
    actions = (Action.REPORT, Action.DELETE)

    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        latest = library.cutoff(policy, at)
        rows, last = Session.objects.filter(expire_date__lte=latest), ""
        while batch := list(_slim(rows.filter(pk__gt=last))[:BATCH_SIZE]):
            yield [self.facts(session) for session in batch]
            last = batch[-1].pk

    def facts(self, session: Session) -> Facts:
        return Facts(name=_name(session), counted_from=session.expire_date)

    def remove(self, work: Work) -> Mapping[int | str, Result]:
        shown = sorted(str(key).removeprefix(NAME) for key in work.keys)
        latest = library.cutoff(work.policy, work.at)
        within = Session.objects.filter(
            expire_date__lte=latest, pk__gte=shown[0], pk__lte=shown[-1] + LAST_SIGNS
        )
        sessions = {_name(session): session for session in _slim(within).select_for_update()}

        def act(due: Collection[Facts]) -> None:
            Session.objects.filter(pk__in=[sessions[facts.name].pk for facts in due]).delete()

        wanted: dict[int | str, Facts] = {
            name: self.facts(session) for name, session in sessions.items() if name in work.keys
        }
        return sort_out(work, wanted, act, outcome=Outcome.DELETED, freeing=True)

    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        if not policy.max_age_seconds:
            return "expired sign-ins"
        return f"sign-ins that expired more than {words.period(policy.max_age_seconds)} ago"


def _slim(rows: QuerySet[Session]) -> QuerySet[Session]:
    return rows.only("expire_date").order_by("pk")


def _name(session: Session) -> str:
    return NAME + session.pk[:SHOWN]
