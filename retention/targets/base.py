"""What a target is: one kind of thing that policies remove, in one class of its own module.

The class says in words what it may remove, which clocks, rules, actions and scopes fit, finds
candidates in bounded batches, and removes a batch after deciding about each of it again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from retention.choices import Action, Clock, Outcome, Rule
from retention.decide import Facts, decide

if TYPE_CHECKING:
    from retention.models import RetentionPolicy

BATCH_SIZE: Final = 500
GONE: Final = "It is gone already, or no longer in the policy's scope."


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one item; `freed` is in bytes, `age` by the policy's clock."""

    outcome: Outcome
    detail: str = ""
    freed: int = 0
    age: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """One batch to be removed: items by key (id of the row, else name), and for which policy."""

    policy: RetentionPolicy
    keys: Sequence[int | str]
    at: datetime  # the moment that is decided for
    by: str


class Target(ABC):
    """One kind of thing with a lifetime; a new one is a new module here."""

    slug: ClassVar[str]
    noun: ClassVar[str]  # plural, in lower case
    removes: ClassVar[str]  # a sentence: what it may remove, and what never
    spares: ClassVar[str] = ""  # for the summary: `, except ...`
    clocks: ClassVar[tuple[Clock, ...]]  # the first is understood
    actions: ClassVar[tuple[Action, ...]]
    rules: ClassVar[tuple[Rule, ...]] = (Rule.AGE,)
    scopes: ClassVar[frozenset[str]] = frozenset()
    has_percent: ClassVar[bool] = False  # limits may be a share of everything in the scope
    in_database: ClassVar[bool] = True  # removed in the transaction that notes it

    @abstractmethod
    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        """Yield what the rules may match at `at`, in batches of at most BATCH_SIZE."""

    @abstractmethod
    def remove(self, work: Work) -> Mapping[int | str, Result]:
        """Lock a batch, decide again about each, and remove what is still due.

        With `in_database` the caller has a transaction open, else it has none.
        """

    @abstractmethod
    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        """Name what the policy is about: `recordings of olga older than 180 days`.

        `of` is the scope in words, with a space before it, or empty.
        """

    def refusal(self, policy: RetentionPolicy, at: datetime) -> str:
        """Say why it is not safe to run now; empty when it is."""
        return ""

    def total(self, policy: RetentionPolicy) -> int:
        """Count everything in the scope; asked only where `has_percent`."""
        raise NotImplementedError


def sort_out(
    work: Work,
    rows: Mapping[int | str, Facts],
    act: Callable[[Collection[Facts]], None],
    *,
    outcome: Outcome,
    freeing: bool,
) -> dict[int | str, Result]:
    """Decide about each wanted row as it is now, `act` on those due, and say what became of all."""
    decided = {key: decide(work.policy.rules(), facts, work.at) for key, facts in rows.items()}
    due = [rows[key] for key, decision in decided.items() if decision.due]
    if due:
        act(due)
    results: dict[int | str, Result] = {}
    for key in work.keys:
        if key not in rows:
            results[key] = Result(Outcome.SKIPPED, GONE)
        elif not decided[key].due:
            results[key] = Result(Outcome.SKIPPED, decided[key].sentence)
        else:
            freed = rows[key].size if freeing else 0
            results[key] = Result(outcome, freed=freed, age=age_of(rows[key], work.at))
    return results


def age_of(facts: Facts, at: datetime) -> timedelta | None:
    return None if facts.counted_from is None else at - facts.counted_from
