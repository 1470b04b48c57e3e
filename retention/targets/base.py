"""What a target is: one kind of thing that policies remove, in one class of its own module.

The class says in words what it may remove, which clocks, rules, actions and scopes fit, finds
candidates in bounded batches, and removes a batch after deciding about each of it again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from django.db.models import Q, QuerySet

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


class Weight(NamedTuple):
    """How many things, of how many owners, with how many bytes; `about`: those are estimated."""

    items: int = 0
    owners: int = 0
    size: int = 0
    about: bool = False


class Survey(NamedTuple):
    """What would go, how many more match and stay, and the first of what goes."""

    goes: Weight
    blocked: int
    samples: list[Facts]


@dataclass(frozen=True, slots=True)
class Work:
    """One batch to be removed: items by key (id of the row, else name), and for which policy."""

    policy: RetentionPolicy
    keys: Sequence[int | str]
    at: datetime  # the moment that is decided for
    by: str = ""
    under_way: bool = True  # begun when the disk was too full, so it goes on to the low mark


class Target(ABC):
    """One kind of thing with a lifetime; a new one is a new module here."""

    slug: ClassVar[str]
    noun: ClassVar[str]  # plural, in lower case
    removes: ClassVar[str]  # a sentence: what it may remove, and what never
    spares: ClassVar[str] = ""  # for the summary: `, except ...`
    clocks: ClassVar[tuple[Clock, ...]]  # the first is understood
    actions: ClassVar[tuple[Action, ...]]
    does: ClassVar[Mapping[Action, str]] = {}  # what an action comes to, where not the usual
    afterwards: ClassVar[Mapping[Action, str]] = {}  # whether it comes back, where not as usual
    verb: ClassVar[str] = ""  # what became of things, where `deleted` says too much
    neglected: ClassVar[str] = ""  # a sentence: how it stands without any policy in force
    rules: ClassVar[tuple[Rule, ...]] = (Rule.AGE,)
    scopes: ClassVar[frozenset[str]] = frozenset()
    has_percent: ClassVar[bool] = False  # limits may be a share of everything in the scope
    in_database: ClassVar[bool] = True  # removed in the transaction that notes it
    has_path: ClassVar[bool] = False  # chosen by folder and file name

    @abstractmethod
    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        """Yield what the rules may match at `at`, in batches of at most BATCH_SIZE."""

    def known(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        """Yield candidates as far as they are known without a long search: for a page to show."""
        return self.candidates(policy, at)

    @abstractmethod
    def remove(self, work: Work) -> Mapping[int | str, Result]:
        """Lock a batch, decide again about each, and remove what is still due.

        With `in_database` the caller has a transaction open, else it has none.
        """

    def remark(self) -> str:
        """Say after a run what its items do not: what was seen and is no candidate yet."""
        return ""

    def prepare(self, work: Work, alive: Callable[[], None]) -> None:  # noqa: B027 (most need none)
        """Do beforehand, without a transaction, what takes long; `alive` is called now and then.

        What it raises fails the batch as removing does.
        """

    def batch_size(self, policy: RetentionPolicy) -> int:
        """Return how many are prepared and removed at once, at most."""
        return BATCH_SIZE

    @abstractmethod
    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        """Name what the policy is about: `recordings of olga older than 180 days`.

        `of` is the scope in words, with a space before it, or empty.
        """

    def promises(self, policy: RetentionPolicy) -> str:
        """Say what accepting the policy promises for later, beside what goes now; or nothing."""
        return ""

    def misfits(self, policy: RetentionPolicy) -> Iterable[tuple[str, str]]:
        """Name fields that say what this target alone cannot do, each with a sentence."""
        return ()

    def refusal(self, policy: RetentionPolicy, at: datetime) -> str:
        """Say why it is not safe to run now; empty when it is."""
        return ""

    def total(self, policy: RetentionPolicy) -> int:
        """Count everything in the scope, for a limit in percent; see `has_percent`."""
        return 0

    def matching(self, policy: RetentionPolicy, at: datetime) -> QuerySet[Any] | None:
        """Return what the rules match as rows; None where only `candidates` can tell.

        With rows the database weighs in a moment what candidates would take minutes for.
        """
        return None

    def condition(self, policy: RetentionPolicy, at: datetime) -> Q | None:
        """Say what `matching` matches as a condition on one row; None where others decide too."""
        return None

    def survey(self, policy: RetentionPolicy, at: datetime, most: int) -> Survey | None:
        """Weigh all that would go and show so many of it; None where only `candidates` can tell."""
        rows = self.matching(policy, at)
        if rows is None:
            return None
        goes, blocked = self.weigh(rows)
        return Survey(goes, blocked, self.show(policy, rows, most) if goes.items else [])

    def difference(
        self, policy: RetentionPolicy, former: RetentionPolicy, at: datetime
    ) -> tuple[Weight, Weight] | None:
        """Weigh at once what one policy takes and the other leaves, and the other way round.

        None where both have to be asked for what they match.
        """
        return None

    def unblocked(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Leave out of matching rows what something keeps."""
        return rows

    def weigh(self, rows: QuerySet[Any]) -> tuple[Weight, int]:
        """Weigh matching rows: what goes of them, and how many something keeps."""
        return Weight(items=rows.count()), 0

    def show(self, policy: RetentionPolicy, rows: QuerySet[Any], most: int) -> list[Facts]:
        """Return the first of the matching rows that go."""
        return []


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


def remove_rows(
    work: Work, facts: Iterable[Facts], remove: Callable[[list[int]], None]
) -> dict[int | str, Result]:
    """Sort out rows that are known by their id: `remove` gets the ids of those that are due."""
    rows: dict[int | str, Facts] = {one.id: one for one in facts if one.id is not None}

    def act(due: Collection[Facts]) -> None:
        remove([one.id for one in due if one.id is not None])

    return sort_out(work, rows, act, outcome=Outcome.DELETED, freeing=True)


def age_of(facts: Facts, at: datetime) -> timedelta | None:
    return None if facts.counted_from is None else at - facts.counted_from
