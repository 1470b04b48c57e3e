"""What runs promise, over random libraries and policies: no surprise, nothing lost, nothing twice.

Each example is one transaction that is rolled back; stored files are rows alone, since no byte is
touched before the purge.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from recordings.holds import hold_recording
from recordings.ledger import names
from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.models import Job, Recording, RecordingFile
from recordings.trash import restore
from retention import runs, sweep
from retention.choices import Mode, State
from retention.impact import impact
from retention.models import RetentionPolicy, RetentionRun, everyone
from tests.retention.conftest import DAY, ago, run

pytestmark = pytest.mark.django_db
quickly = settings(
    max_examples=15, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip

ages = st.integers(0, 9)
recordings = st.fixed_dictionaries({
    "owner": st.integers(0, 1),
    "days": ages,
    "trashed": st.booleans(),
    "keep": st.sampled_from([False] * 5 + [True]),
    "state": st.sampled_from(["ready"] * 4 + ["uploading", "failed"]),
    "kinds": st.sets(st.sampled_from([Kind.ORIGINAL, Kind.TRIMMED, Kind.AUDIO, Kind.TRANSCRIPT])),
    "size": st.integers(1, 9),
    "held": st.sampled_from([False] * 4 + [True]),
    "busy": st.sampled_from([False] * 5 + [True]),
})  # fmt: skip
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


@pytest.fixture
def owners(make_user):
    return [make_user("olga"), make_user("boris")]


@contextmanager
def rolled_back():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def add(owner, spec):
    at = ago(days=spec["days"], minutes=1)
    recording = Recording.objects.create(
        owner=owner, title="x", state=spec["state"], keep=spec["keep"], width=640,
        created_at=at, processed_at=at if spec["state"] == "ready" else None,
        trashed_at=at if spec["trashed"] else None,
        purge_after=at + timedelta(days=4) if spec["trashed"] else None,
    )  # fmt: skip
    for kind in sorted(spec["kinds"]):
        add_file(recording, kind, spec["size"])
    if spec["held"]:
        hold_recording(recording.pk, reason="case", by="anna")
    if spec["busy"]:
        Job.objects.create(recording=recording, owner_id=owner.pk)
    return recording


def add_file(recording, kind, size):
    place = (recording.owner_id, recording.pk)
    name = names.original(*place, "mp4") if kind == Kind.ORIGINAL else names.of_kind(kind, *place)
    stored = StoredFile.objects.create(
        storage="disk", file=name, kind=kind, owner_id=recording.owner_id,
        recording_id=recording.pk, size=size, sha256="0" * 64, state="ready",
        ready_at=timezone.now(), trashed=recording.trashed_at is not None,
    )  # fmt: skip
    RecordingFile.objects.create(recording=recording, kind=kind, stored=stored)


def build(owners, library):
    made = [add(owners[spec["owner"]], spec) for spec in library]
    from recordings.ledger.models import Account

    for owner in owners:
        Account.objects.of(owner.pk)
        ready = StoredFile.objects.ready().filter(owner_id=owner.pk)
        sizes = list(ready.values_list("size", "trashed"))
        Account.objects.filter(owner_id=owner.pk).update(
            used=sum(size for size, _ in sizes),
            in_trash=sum(size for size, trashed in sizes if trashed),
        )
    return made


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


changes = st.lists(
    st.tuples(
        st.sampled_from(["keep", "hold", "restore", "delete", "young", "old", "busy", "new"]),
        st.integers(0, 8),
        recordings,
    ),
    max_size=5,
)


def change(owners, made, what, index, spec):
    recording = made[index % len(made)]
    rows = Recording.objects.filter(pk=recording.pk)
    if what == "new":
        add(owners[spec["owner"]], {**spec, "kinds": set(), "held": False})
    elif not rows.exists():
        return
    elif what == "hold":
        hold_recording(recording.pk, reason="case", by="anna")
    elif what == "restore":
        restore([recording.pk])
    elif what == "delete" and not rows.get().holds().exists():
        rows.get().delete()
    elif what == "busy" and not Job.objects.open().filter(recording=recording).exists():
        Job.objects.create(recording=recording, owner_id=recording.owner_id)
    elif what in {"keep", "young", "old"}:
        moment = ago(days=0 if what == "young" else 99)
        rows.update(**({"keep": True} if what == "keep" else {"created_at": moment}))


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
