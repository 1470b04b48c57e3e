"""The decision: what is due, from when on, and what stands in the way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from retention.decide import Blocker, Facts, Rules, decide

FIRST, LAST = datetime.fromisoformat("1990-01-01"), datetime.fromisoformat("2100-01-01")
MOMENT = datetime(2026, 11, 20, 12, tzinfo=UTC)
moments = st.datetimes(min_value=FIRST, max_value=LAST, timezones=st.just(UTC))
ages = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=36_500))
blockers = st.builds(
    Blocker, sentence=st.just("On hold."), until=st.none() | moments, passing=st.booleans()
)
measures = st.none() | st.integers(1, 9)
limits = st.none() | st.integers(0, 9)
rules = st.builds(Rules, max_age=ages, keep_newest=limits, max_total=limits, disk=st.booleans())
facts = st.builds(
    Facts,
    name=st.text(max_size=9),
    counted_from=st.none() | moments,
    deadline=st.none() | moments,
    rank=measures,
    newer_bytes=measures,
    lacking=st.none() | st.integers(-9, 9),
    blockers=st.lists(blockers, max_size=3).map(tuple),
)


def test_what_is_exactly_as_old_as_the_age_is_due():
    old = Facts(name="a", counted_from=MOMENT - timedelta(days=7))

    assert decide(Rules(timedelta(days=7)), old, MOMENT).due
    assert not decide(Rules(timedelta(days=7, microseconds=1)), old, MOMENT).due


def test_what_has_no_date_stays():
    decision = decide(Rules(timedelta(0)), Facts(name="a"), MOMENT)

    assert (decision.due, decision.at) == (False, None)


def test_open_ended_blocker_leaves_no_date():
    held = Facts(name="a", counted_from=MOMENT, blockers=(Blocker("On hold."),))

    decision = decide(Rules(timedelta(0)), held, MOMENT)

    assert (decision.due, decision.matched, decision.at) == (False, True, None)
    assert decision.blocked_by == ("On hold.",)


def test_hold_that_ends_moves_the_date():
    until = MOMENT + timedelta(days=3)
    held = Facts(name="a", counted_from=MOMENT, blockers=(Blocker("On hold.", until=until),))

    assert decide(Rules(timedelta(0)), held, MOMENT).at == until
    assert decide(Rules(timedelta(0)), held, until).due


@given(ages, facts, moments)
def test_nothing_blocked_is_ever_due(age, found, moment):
    decision = decide(Rules(age), found, moment)

    assert not (decision.due and decision.blocked_by)
    assert not decision.due or decision.matched


@given(ages, facts, moments, ages)
def test_what_is_due_stays_due(age, found, moment, later):
    if decide(Rules(age), found, moment).due:
        assert decide(Rules(age), found, moment + later).due


@given(ages, facts, moments)
def test_promised_date_is_when_it_becomes_due(age, found, moment):
    decision = decide(Rules(age), found, moment)

    if decision.at is not None and not any(b.passing for b in found.blockers):
        assert decide(Rules(age), found, max(decision.at, moment)).due
        if decision.at > moment:
            before = decision.at - timedelta(microseconds=1)
            assert not decide(Rules(age), found, max(before, moment)).due


@given(ages, facts, moments)
def test_stamped_deadline_rules(age, found, moment):
    if found.deadline is not None and not found.blockers:
        assert decide(Rules(age), found, moment).due == (found.deadline <= moment)


def test_what_no_rule_can_measure_stays():
    old = Facts(name="a", counted_from=MOMENT)

    for asked in (Rules(keep_newest=0), Rules(max_total=0), Rules(disk=True)):
        decision = decide(asked, old, MOMENT)
        assert (decision.due, decision.matched, decision.at) == (False, False, None)


def test_each_rule_leaves_what_it_spares():
    old = {"name": "a", "counted_from": MOMENT}

    assert decide(Rules(keep_newest=2), Facts(**old, rank=3), MOMENT).due
    assert not decide(Rules(keep_newest=2), Facts(**old, rank=2), MOMENT).due
    assert decide(Rules(max_total=9), Facts(**old, newer_bytes=10), MOMENT).due
    assert not decide(Rules(max_total=9), Facts(**old, newer_bytes=9), MOMENT).due
    assert decide(Rules(disk=True), Facts(**old, lacking=1), MOMENT).due
    assert not decide(Rules(disk=True), Facts(**old, lacking=0), MOMENT).due


@given(rules, facts, moments)
def test_several_rules_take_only_what_each_of_them_takes(asked, found, moment):
    age = asked.max_age
    alone = (
        Rules(age, keep_newest=asked.keep_newest),
        Rules(age, max_total=asked.max_total),
        Rules(age, disk=asked.disk),
    )

    together = decide(asked, found, moment)

    assert together.due == all(decide(one, found, moment).due for one in alone)
    assert together.due <= together.matched
    assert not (together.due and together.blocked_by)


@given(rules, facts, moments)
def test_comparison_promises_no_date_unless_it_is_due(asked, found, moment):
    decision = decide(asked, found, moment)

    if asked.is_relative:
        assert (decision.at is not None) == decision.due
