"""What runs promise, over random libraries and policies: no surprise, nothing lost, nothing twice.

Each example is one transaction that is rolled back; stored files are rows alone, since no byte is
touched before the purge.
"""

from __future__ import annotations

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from recordings.ledger.models import StoredFile
from recordings.models import Recording
from retention import runs, sweep
from retention.choices import Mode, State
from retention.impact import impact
from retention.models import RetentionPolicy, RetentionRun, everyone
from tests.retention.conftest import DAY, ago, run
from tests.retention.libraries import (
    ages,
    build,
    change,
    changes,
    quickly,
    recordings,
    rolled_back,
)

pytestmark = pytest.mark.django_db
libraries = st.lists(recordings, min_size=1, max_size=9)
rules = st.fixed_dictionaries(
    {"max_age_seconds": ages.map(lambda days: days * DAY)},
    optional={
        "keep_newest": st.integers(0, 3),
        "max_total_bytes": st.integers(0, 60),
        "one_owner": st.just(True),
    },
)
targets = st.sampled_from([
    ("recordings", "trash"), ("recordings", "delete"), ("trash", "delete"), ("originals", "delete"),
])  # fmt: skip


def policy_of(target, given_rules, owners):
    slug, action = target
    values = dict(given_rules)
    scope = everyone()
    if values.pop("one_owner", False):
        scope["owners"] = [owners[0].pk]
    if slug != "recordings":
        values.pop("keep_newest", None)
    if slug == "trash":
        values.pop("max_total_bytes", None)
    policy = RetentionPolicy(name="p", target=slug, action=action, scope=scope, **values)
    policy.full_clean(exclude=["slug"])
    policy.save()
    assert policy.accept(version=1, by="anna")
    return policy


def standing():
    """Everything a policy could take, as it stands."""
    files = StoredFile.objects.ready().values_list("recording_id", "file")
    return set(Recording.objects.values_list("pk", "trashed_at")), set(files)


def keys(run_, *outcomes):
    return set(run_.items.filter(outcome__in=outcomes).values_list("row_id", flat=True))


@quickly
@given(library=libraries, target=targets, given_rules=rules)
def test_what_is_shown_beforehand_is_what_happens(owners, library, target, given_rules):
    with rolled_back():
        build(owners, library)
        policy = policy_of(target, given_rules, owners)

        shown = impact(policy)
        plan = run(policy, Mode.PLAN)
        done = run(policy)

        would = keys(plan, "would")
        assert keys(done, "trashed", "deleted") == would
        assert (shown.goes.items, shown.blocked) == (len(would), plan.skipped)
        assert shown.goes.size == plan.bytes_going() == done.bytes_going()
        assert done.matched == done.deleted + done.skipped + done.failed == plan.matched
        assert run(policy).deleted == 0
        event(f"{target[0]}: {'some' if would else 'none'}")


@quickly
@given(library=libraries, target=targets, given_rules=rules, changes=changes)
def test_nothing_beyond_a_plan_is_touched_whatever_happens_meanwhile(
    owners, library, target, given_rules, changes
):
    with rolled_back():
        made = build(owners, library)
        policy = policy_of(target, given_rules, owners)
        plan = run(policy, Mode.PLAN)
        planned = recordings_of(plan, "would")
        for one in changes:
            change(owners, made, *one)
        before = standing()
        held = {r.pk for r in Recording.objects.held()} | {
            r.pk for r in Recording.objects.filter(keep=True)
        }

        runs.approve(plan, by="anna")
        sweep.execute(plan.pk)

        plan.refresh_from_db()
        touched = {key[0] for old, new in zip(before, standing(), strict=True) for key in old - new}
        assert touched == recordings_of(plan, "trashed", "deleted")
        assert touched <= planned
        assert not touched & held
        assert plan.matched == plan.deleted + plan.skipped + plan.failed


def recordings_of(run_, *outcomes):
    items = run_.items.filter(outcome__in=outcomes)
    return set(items.values_list("recording_id", flat=True))


class Killed(BaseException):
    """The process ends here."""


ends = st.sampled_from(["cancelled", "killed before", "killed after", "failing"])


@quickly
@given(library=libraries, end=ends, at=st.integers(1, 3), every=st.integers(2, 4))
def test_run_that_broke_off_tells_the_truth_and_the_next_does_the_rest(
    owners, library, end, at, every, monkeypatch
):
    with rolled_back(), monkeypatch.context() as patch:
        build(owners, [{**spec, "trashed": False} for spec in library])
        policy = policy_of(("recordings", "trash"), {"max_age_seconds": 0}, owners)
        due = keys(run(policy, Mode.PLAN), "would")
        patch.setattr(sweep, "BATCH_SIZE", 2)
        asked = runs.ask(policy, mode=Mode.EXECUTE, by="anna")
        break_off(patch, asked, end, at, every)

        try:
            sweep.execute(asked.pk)
        except Killed:
            RetentionRun.objects.filter(pk=asked.pk).update(lease_until=ago(seconds=1))
            assert runs.recover() == 1

        asked.refresh_from_db()
        assert asked.state not in (State.QUEUED, State.RUNNING)
        went = set(Recording.objects.trashed().values_list("pk", flat=True))
        assert went == keys(asked, "trashed")
        assert asked.deleted == len(went)
        assert asked.failed == asked.items.filter(outcome="failed").count()
        assert asked.skipped == asked.items.filter(outcome="skipped").count()
        patch.undo()
        assert keys(run(policy), "trashed") == due - went
        event(asked.state)


def break_off(patch, asked, end, at, every):
    """Let the run end early at its `at`th batch, or every so many recordings fail."""
    count = iter(range(1, 100))
    note, work_on = sweep.note_removed, sweep.work_on

    def noted(*arguments):
        last = next(count) == at
        if last and end == "killed before":
            raise Killed
        note(*arguments)
        if last and end == "cancelled":
            runs.cancel(asked, by="anna")

    def stopped(run_):
        if end == "killed after" and next(count) == at + 2:
            raise Killed
        return stop(run_)

    def failing(policy, target, items):
        if any(item.row_id % every == 0 for item in items):
            raise OSError("disk on fire")
        return work_on(policy, target, items)

    stop = sweep.stop_when_asked
    if end == "failing":
        patch.setattr(sweep, "work_on", failing)
    elif end == "killed after":
        patch.setattr(sweep, "stop_when_asked", stopped)
    else:
        patch.setattr(sweep, "note_removed", noted)
