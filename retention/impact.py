"""What a policy would remove at this moment, weighed without storing a plan.

Where the rules can be asked in SQL the database weighs all of it; else candidates are gone through
up to a bound.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final

from django.db.models import Exists, OuterRef, QuerySet

from recordings.ledger.models import Account
from retention import guard, words
from retention.clock import database_now
from retention.decide import Facts, decide
from retention.models import RetentionPolicy
from retention.planner import whole_library
from retention.targets import find, get
from retention.targets.base import Weight

MOST: Final = 10_000  # gone through one by one; a preview run counts all
SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Impact:
    """What goes, how many more match and stay, and a few examples; with `more`, at least that."""

    goes: Weight = field(default_factory=Weight)
    blocked: int = 0
    samples: tuple[Facts, ...] = ()
    more: bool = False
    refusal: str = ""
    rows: int = 0  # of what goes; the rest are files that go alone


@dataclass(frozen=True, slots=True)
class Change:
    """What a policy takes that its accepted version would leave, and the other way round."""

    added: Weight = field(default_factory=Weight)
    removed: Weight = field(default_factory=Weight)
    more: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """What an administrator sees before he accepts a version of a policy."""

    version: int
    accepted_version: int | None
    impact: Impact
    change: Change | None
    weighed: str
    sentence: str
    over_limit: str  # which limit of its own a run now would be over; or nothing
    promise: str  # what accepting it says of later; or nothing
    samples: tuple[tuple[Facts, str], ...]  # each with its owner's name; empty where it has none

    @classmethod
    def of(cls, policy: RetentionPolicy, *, compared: bool = True) -> View:
        """Look at a policy, compared with its accepted version where that is asked for."""
        target, found = find(policy.target), impact(policy)
        against = change(policy) if compared else None
        noun = target.noun if target else "things"
        return cls(
            version=policy.version,
            accepted_version=policy.accepted_version,
            impact=found,
            change=against,
            weighed=words.weighed(found.goes, noun),
            sentence=words.changed(against, noun) if against else "",
            over_limit=_over_limit(policy, found),
            promise=target.promises(policy) if target else "",
            samples=_named(found.samples),
        )


def _over_limit(policy: RetentionPolicy, found: Impact) -> str:
    if found.refusal:
        return ""
    goes = found.goes
    return guard.exceeded(policy, items=goes.items, rows=found.rows, size=goes.size)


def _named(samples: Collection[Facts]) -> tuple[tuple[Facts, str], ...]:
    """Name the owners, those who are gone among them, in one query."""
    owners = {facts.owner_id for facts in samples if facts.owner_id is not None}
    accounts = Account.objects.filter(owner_id__in=owners)
    names = dict(accounts.values_list("owner_id", "name"))
    return tuple((facts, names.get(facts.owner_id or 0, "")) for facts in samples)


def impact(policy: RetentionPolicy, *, at: datetime | None = None) -> Impact:
    """Say what would go now."""
    at = at or database_now()
    target = find(policy.target)
    if target is None:
        return Impact(refusal=f"“{policy.target}” is no target, so nothing is removed.")
    if refusal := target.refusal(policy, at):
        return Impact(refusal=refusal)
    with whole_library():
        found = target.survey(policy, at, SHOWN)
    if found is None:
        return _gone_through(policy, at)
    samples = tuple(found.samples)
    return Impact(found.goes, found.blocked, samples, rows=found.goes.items)


def change(policy: RetentionPolicy, *, at: datetime | None = None) -> Change | None:
    """Compare with the version that was accepted last; None where none was, or none is known."""
    former = policy.as_accepted()
    if former is None or find(former.target) is None or find(policy.target) is None:
        return None
    at = at or database_now()
    if policy.target != former.target:
        return _compared(policy, former, at)
    target = get(policy.target)
    with whole_library():
        if not any(target.refusal(one, at) for one in (policy, former)):
            found = target.difference(policy, former, at)
            if found is not None:
                return Change(*found)
        now, then = (_rows(one, at) for one in (policy, former))
        if now is not None and then is not None:
            added, _ = target.weigh(_without(now, then, former, at))
            removed, _ = target.weigh(_without(then, now, policy, at))
            return Change(added, removed)
    return _compared(policy, former, at)


def _without(
    rows: QuerySet[Any], others: QuerySet[Any], policy: RetentionPolicy, at: datetime
) -> QuerySet[Any]:
    """Leave out what goes of the others, which are those of the policy, from what goes of rows.

    By what each row says where that is all there is to it. NOT IN would compare each with each
    where there are too many.
    """
    target = get(policy.target)
    condition = target.condition(policy, at)
    if condition is not None and not target.refusal(policy, at):
        return rows.exclude(condition)  # what is kept is kept from both
    return rows.filter(~Exists(target.unblocked(others).order_by().filter(pk=OuterRef("pk"))))


def _rows(policy: RetentionPolicy, at: datetime) -> QuerySet[Any] | None:
    """Return what the rules match as rows; none while the policy refuses to run."""
    target = get(policy.target)
    rows = target.matching(policy, at)
    return rows.none() if rows is not None and target.refusal(policy, at) else rows


def _compared(policy: RetentionPolicy, former: RetentionPolicy, at: datetime) -> Change:
    now, then = (dict(islice(_due(one, at), MOST)) for one in (policy, former))
    return Change(
        added=_weight(now, but=then),
        removed=_weight(then, but=now),
        more=MOST in (len(now), len(then)),
    )


def _due(policy: RetentionPolicy, at: datetime) -> Iterator[tuple[tuple[str, object], Facts]]:
    """Yield what would go, by target and key."""
    target = get(policy.target)
    if target.refusal(policy, at):
        return
    for batch in target.candidates(policy, at):
        for facts in batch:
            if decide(policy.rules(), facts, at).due:
                yield (policy.target, facts.name if facts.id is None else facts.id), facts


def _weight(
    found: Mapping[tuple[str, object], Facts], *, but: Mapping[tuple[str, object], Facts]
) -> Weight:
    return weight_of([facts for key, facts in found.items() if key not in but])


def weight_of(found: Collection[Facts]) -> Weight:
    owners = {facts.owner_id for facts in found if facts.owner_id is not None}
    return Weight(len(found), len(owners), sum(facts.size for facts in found))


def _gone_through(policy: RetentionPolicy, at: datetime) -> Impact:
    due: list[Facts] = []
    blocked, more = 0, False
    for batch in get(policy.target).known(policy, at):
        if more := len(due) >= MOST:
            break
        decisions = [(facts, decide(policy.rules(), facts, at)) for facts in batch]
        due += [facts for facts, decision in decisions if decision.due]
        blocked += sum(decision.matched and not decision.due for _, decision in decisions)
    rows = sum(facts.id is not None for facts in due)
    return Impact(weight_of(due), blocked, tuple(due[:SHOWN]), more=more, rows=rows)
