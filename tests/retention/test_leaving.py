"""What leaves soon, of many at once: the same as is explained of one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recordings.models import Label, Recording
from retention import leaving
from retention.clock import database_now
from retention.explain import explain
from retention.models import RetentionPolicy
from tests.retention.conftest import DAY, ago

pytestmark = pytest.mark.django_db

SCHEDULES = [{"crontab": "0 2 * * *"}, {"crontab": "30 4 * * 1"}, {"every_seconds": 3600}]
policies = st.lists(
    st.fixed_dictionaries(
        {
            "clock": st.sampled_from(["uploaded", "processed", "watched", "expire_at"]),
            "max_age_seconds": st.integers(0, 60).map(lambda days: days * DAY),
            "schedule": st.sampled_from(SCHEDULES),
            "action": st.sampled_from(["trash", "delete", "report"]),
            "labels": st.sampled_from([[], ["draft"]]),
        }
    ),
    max_size=3,
)
days = st.one_of(st.none(), st.integers(-40, 60))
recordings = st.lists(st.tuples(days, days, days, st.booleans(), st.booleans()), max_size=5)


def library_of(owner, rows):
    label = Label.objects.get_or_create(owner=owner, name="draft")[0]
    for uploaded, processed, extended, labelled, kept in rows:
        made = Recording.objects.create(
            owner=owner,
            title="Lecture",
            state="ready",
            created_at=ago(days=abs(uploaded or 0), minutes=7),
            processed_at=None if processed is None else ago(days=processed),
            keep_until=None if extended is None else timezone.now() + timedelta(days=extended),
            keep=kept,
        )
        if labelled:
            made.labels.add(label)


@settings(
    max_examples=20, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(rules=policies, rows=recordings)
def test_many_at_once_are_told_what_each_is_explained(owner, make_policy, rules, rows):
    library_of(owner, rows)
    for number, rule in enumerate(rules):
        given = dict(rule)
        scope, schedule = {"labels": given.pop("labels")}, given.pop("schedule")
        make_policy(name=f"P{number}", scope=scope, **schedule, **given)
    at = database_now()
    until = at + leaving.AHEAD

    in_force = leaving.dated_policies(at)
    window = list(leaving.within(Recording.objects.all(), in_force, until))
    told = {one.recording_id: one for one in leaving.soonest(window, in_force, at)}
    near = {pk: one.leaves_at for pk, one in told.items() if one.leaves_at <= until}

    explained = {one.pk: explain(one, at=at).leaves_at for one in Recording.objects.all()}
    assert near == {pk: when for pk, when in explained.items() if when and when <= until}
    first = leaving.first_of(owner.pk, at=at, most=100)
    assert [one.leaves_at for one in first] == sorted(near.values())
    Recording.objects.all().delete()
    RetentionPolicy.objects.all().delete()


def test_policy_that_would_refuse_to_run_promises_nothing(recording, make_policy):
    make_policy(clock="watched", max_age_seconds=0, crontab="0 2 * * *")
    make_policy(name="Watched", clock="watched", max_age_seconds=DAY, crontab="0 2 * * *")

    assert not {one.clock for one in leaving.dated_policies(database_now())} & {"watched"}


def test_extended_ones_do_not_hide_what_leaves_sooner(owner, make_policy):
    make_policy(crontab="0 2 * * *", max_age_seconds=10 * DAY)
    for title, days, until in (("far", 50, 90), ("near", 49, 20), ("first", 8, None)):
        Recording.objects.create(
            owner=owner, title=title, state="ready", created_at=ago(days=days),
            keep_until=until and timezone.now() + timedelta(days=until),
        )  # fmt: skip

    found = leaving.first_of(owner.pk, at=database_now(), most=1)

    assert [one.facts.name for one in found] == ["first"]


def test_first_ones_are_bounded(owner, make_policy):
    make_policy(crontab="0 2 * * *", max_age_seconds=10 * DAY)
    Recording.objects.bulk_create(
        Recording(owner=owner, title=f"L{n}", state="ready", created_at=ago(days=n))
        for n in range(9)
    )

    found = leaving.first_of(owner.pk, at=database_now(), most=3)

    assert [one.facts.name for one in found] == ["L8", "L7", "L6"]
