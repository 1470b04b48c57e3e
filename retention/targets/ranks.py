"""What policies that keep the newest of each owner take, weighed in one pass.

Not a target itself. To rank a million recordings takes the better part of a second, so all that is
asked of the ranks is asked at once: numbers, owners, and a sample to take bytes and examples from.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.contrib.auth import get_user_model
from django.db.models import (
    Aggregate,
    BooleanField,
    Case,
    Count,
    F,
    JSONField,
    Max,
    Min,
    Q,
    QuerySet,
    Value,
    When,
)

from retention.targets import library, measures
from retention.targets.base import Survey, Weight
from retention.targets.ladder import WHOLE, Ladder

if TYPE_CHECKING:
    from retention.models import RetentionPolicy


JSON: Final = JSONField()


class Listed(Aggregate):
    """All values as one list."""

    function = "JSON_GROUP_ARRAY"
    output_field = JSON

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        return self.as_sql(compiler, connection, function="JSONB_AGG")


class Choice(NamedTuple):
    """What is chosen of the ranked rows, and the ids of some of it, or of all."""

    weight: Weight
    pks: list[int]


def survey(steps: Ladder) -> tuple[Survey, list[int]]:
    """Weigh what goes and count what is kept; return ids of some of what goes, for examples."""
    met = Q(met=True) & _over(steps)
    rows = _ranked(steps).annotate(met=_truth(_met(steps)))
    choices = {"going": met & Q(free=True), "kept": met & Q(free=False)}
    found = _weigh(rows, choices, steps, sized={"going"})
    return Survey(found["going"].weight, found["kept"].weight.items, []), found["going"].pks


def alike(policy: RetentionPolicy, former: RetentionPolicy) -> bool:
    """Whether two policies, one of them at least by rank, rank the same in the same order."""
    ranked = policy.keep_newest is not None or former.keep_newest is not None
    compare = policy.rules().compares and former.rules().compares
    same = policy.scope == former.scope and policy.clock == former.clock
    return ranked and compare and same and not (policy.rules().disk or former.rules().disk)


def difference(now: Ladder, then: Ladder) -> tuple[Weight, Weight]:
    """Weigh what is taken now alone, and what was taken then alone."""
    rows = _ranked(now).annotate(met=_truth(_met(now)), was=_truth(_met(then)))
    takes, took, free = Q(met=True) & _over(now), Q(was=True) & _over(then), Q(free=True)
    choices = {"more": takes & ~took & free, "less": took & ~takes & free}
    if _at_most(now.policy, then.policy) <= library.EXACT:
        found = _pass(rows, choices, 1)
    else:
        found = _weigh(rows, choices, now, sized=choices.keys())
    return found["more"].weight, found["less"].weight


def _at_most(now: RetentionPolicy, then: RetentionPolicy) -> float:
    """Bound what two policies differ by: so many of each owner, where the rest is the same."""
    rest = [(one.max_age_seconds, one.max_total_bytes) for one in (now, then)]
    if rest[0] != rest[1]:
        return math.inf
    each = abs((now.keep_newest or 0) - (then.keep_newest or 0))
    return each * get_user_model().objects.count()


def _ranked(steps: Ladder) -> QuerySet[Any]:
    rows = measures.ranked(steps.policy, steps.everything, WHOLE).order_by()
    found: QuerySet[Any] = rows.annotate(free=_truth(~library.blocked()))
    return found


def _met(steps: Ladder) -> Q:
    """Say in SQL what every rule asks but the one about ranks."""
    if steps.policy.max_total_bytes is None:
        return steps.old
    return steps.old & measures.older(steps.policy, steps.everything, WHOLE, steps.limit)


def _over(steps: Ladder) -> Q:
    return Q(rank__gt=steps.policy.keep_newest or 0)


def _truth(condition: Q) -> Case:
    """Make a column of a condition, false where it is unknown."""
    return Case(When(condition, then=True), default=False, output_field=BooleanField())


def _weigh(
    rows: QuerySet[Any], choices: Mapping[str, Q], steps: Ladder, *, sized: Collection[str]
) -> dict[str, Choice]:
    """Weigh all choices in one pass; bytes only of some.

    They are exact where something is few of many, and then it takes a second pass.
    """
    spread = steps.everything.aggregate(number=Count("pk"), low=Min("pk"), high=Max("pk"))
    if spread["number"] <= library.EXACT:
        return _pass(rows, choices, 1)
    found = _pass(rows, choices, (spread["high"] - spread["low"]) // library.SAMPLED + 1)
    few = {name for name in sized if 0 < found[name].weight.items <= library.EXACT}
    few |= {name for name in sized if found[name].weight.items and not found[name].pks}
    exact = {name: chosen for name, chosen in choices.items() if name in few}
    return found | (_pass(rows, exact, 1) if exact else {})


def _pass(rows: QuerySet[Any], choices: Mapping[str, Q], step: int) -> dict[str, Choice]:
    """Weigh all choices, with the bytes of one in so many."""
    asked: dict[str, Aggregate] = {}
    for name, chosen in choices.items():
        asked[f"{name}_items"] = Count("pk", filter=chosen)
        asked[f"{name}_owners"] = Count("owner_id", filter=chosen, distinct=True)
        asked[f"{name}_pks"] = Listed("pk", filter=chosen & Q(part=0), default=Value([], JSON))
    found = rows.annotate(part=F("pk") % step).aggregate(**asked)

    def choice(name: str) -> Choice:
        items, pks = found[f"{name}_items"], found[f"{name}_pks"]
        size = library.total_size(pks) * items // len(pks) if pks else 0
        return Choice(Weight(items, found[f"{name}_owners"], size, about=step > 1), pks)

    return {name: choice(name) for name in choices}
