"""Which are the newest that stay, by number or by size, against a plain count of the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models.functions import Now
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.models import Recording
from retention import runs, sweep
from retention.choices import Mode
from retention.impact import change, impact
from retention.models import RetentionPolicy, everyone
from retention.targets import library as targets_library
from tests.retention.conftest import DAY, run
from tests.retention.libraries import add_file, build, recordings, rolled_back

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR, MINUTE, SECOND = 3600, 60, 1
moments = st.builds(
    lambda days, rest: NOON - timedelta(days=days, seconds=rest),
    st.integers(0, 2),
    st.sampled_from([0, SECOND, 2 * SECOND, MINUTE, MINUTE + 1, HOUR, 12 * HOUR]),
)
rows = st.lists(
    st.tuples(st.integers(0, 1), moments, st.lists(st.integers(0, 9), max_size=3)), max_size=9
)
quickly = settings(
    max_examples=20, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip


def policy_of(**rules):
    policy = RetentionPolicy(
        name="p", target="recordings", action="delete", clock="uploaded", **rules
    )
    policy.save()
    assert policy.accept(version=1, by="anna")
    return policy


def make(owners, given_rows):
    """Make recordings with files of these sizes; return owner, age, id and bytes of each."""
    kinds = [Kind.TRIMMED, Kind.AUDIO, Kind.TRANSCRIPT]
    made = []
    for owner, at, sizes in given_rows:
        recording = Recording.objects.create(
            owner=owners[owner], title="x", state="ready", created_at=at
        )
        for kind, size in zip(kinds, sizes, strict=False):
            add_file(recording, kind, size)
        made.append((owner, at, recording.pk, sum(sizes)))
    build(owners, [])
    return made


def planned(policy):
    plan = run(policy, Mode.PLAN)
    return set(plan.items.values_list("row_id", flat=True))


def too_many(made, number):
    over, seen = set(), {0: 0, 1: 0}
    for owner, _, pk, _ in sorted(made, key=lambda row: row[1:3], reverse=True):
        seen[owner] += 1
        over |= {pk} if seen[owner] > number else set()
    return over


def too_much(made, most):
    over, newer = set(), 0
    for _, _, pk, size in sorted(made, key=lambda row: row[1:3], reverse=True):
        newer += size
        over |= {pk} if newer > most else set()
    return over


@quickly
@given(given_rows=rows, most=st.integers(0, 60))
def test_what_does_not_fit_is_what_a_plain_sum_says(owners, given_rows, most):
    with rolled_back():
        made = make(owners, given_rows)

        assert planned(policy_of(max_total_bytes=most)) == too_much(made, most)


@quickly
@given(given_rows=rows, number=st.integers(0, 3), most=st.integers(0, 60))
def test_both_together_take_what_each_takes(owners, given_rows, number, most):
    with rolled_back():
        made = make(owners, given_rows)
        policy = policy_of(keep_newest=number, max_total_bytes=most)

        assert planned(policy) == too_many(made, number) & too_much(made, most)


sides = st.fixed_dictionaries(
    {"max_age_seconds": st.integers(0, 9).map(lambda days: days * DAY)},
    optional={
        "keep_newest": st.integers(0, 3),
        "max_total_bytes": st.integers(0, 60),
        "clock": st.sampled_from(["uploaded", "watched", "recorded", "processed"]),
        "one_owner": st.just(True),
    },
)


def side(owners, given_rules):
    values = dict(given_rules)
    scope = {**everyone(), "owners": [owners[0].pk]} if values.pop("one_owner", False) else {}
    rules = {"clock": "uploaded", "keep_newest": None, "max_total_bytes": None, **values}
    return {"target": "recordings", "action": "trash", "scope": {**everyone(), **scope}, **rules}


@quickly
@given(library=st.lists(recordings, max_size=9), was=sides, becomes=sides)
def test_change_is_the_difference_between_both_plans(owners, library, was, becomes):
    with rolled_back():
        build(owners, library)
        former, new = side(owners, was), side(owners, becomes)
        policy = RetentionPolicy(name="p", **former)
        policy.save()
        assert policy.accept(version=1, by="anna")
        before = going(policy)
        for name, value in new.items():
            setattr(policy, name, value)
        policy.version = 2

        found = change(policy)
        after = going(policy)

        assert (found.added.items, found.removed.items) == (
            len(after - before),
            len(before - after),
        )
        assert found.added.size == weight(after - before)
        assert found.removed.size == weight(before - after)
        assert impact(policy).goes.items == len(after)


def going(policy):
    from retention.clock import database_now
    from retention.decide import decide
    from retention.targets import get

    at = database_now()
    if get(policy.target).refusal(policy, at):
        return set()
    found = (facts for batch in get(policy.target).candidates(policy, at) for facts in batch)
    return {facts.id for facts in found if decide(policy.rules(), facts, at).due}


def weight(pks):
    return sum(StoredFile.objects.filter(recording_id__in=pks).values_list("size", flat=True))


def test_of_two_of_one_moment_the_later_row_stays(owners):
    first, second = make(owners, [(0, NOON, [5]), (0, NOON, [5])])
    # The database's own moment: SQLite writes it with fewer digits than it is handed back with.
    Recording.objects.update(created_at=Now())

    assert planned(policy_of(max_total_bytes=9)) == {first[2]}
    assert impact(policy_of(max_total_bytes=9)).goes.items == 1
    assert Recording.objects.filter(pk=second[2]).exists()


def test_bytes_of_very_many_are_estimated_and_of_few_exact(owners, monkeypatch):
    made = make(owners, [(0, NOON - timedelta(days=days), [7, 2]) for days in range(9)])
    monkeypatch.setattr(targets_library, "EXACT", 5)
    monkeypatch.setattr(targets_library, "SAMPLED", 3)

    many, few = impact(policy_of(keep_newest=1)), impact(policy_of(keep_newest=6, slug="q"))

    assert many.goes == (8, 1, 72, True)
    assert few.goes == (3, 1, 27, False)
    assert {facts.id for facts in few.samples} == {row[2] for row in made[6:]}


@pytest.mark.parametrize("rules", [{"keep_newest": 2}, {"max_total_bytes": 20}])
def test_what_has_become_one_of_the_newest_since_the_plan_stays(owners, rules):
    made = make(owners, [(0, NOON - timedelta(days=days), [9]) for days in range(4)])
    policy = policy_of(**rules)
    plan = run(policy, Mode.PLAN)
    Recording.objects.filter(pk=made[0][2]).update(keep=True)

    runs.approve(plan, by="anna")
    sweep.execute(plan.pk)

    plan.refresh_from_db()
    assert (plan.matched, plan.deleted, plan.skipped) == (2, 1, 1)
    assert Recording.objects.filter(pk=made[2][2]).exists()
    assert not Recording.objects.filter(pk=made[3][2]).exists()
