"""What a rule for a full disk promises, over random libraries, marks and disks.

Above the high mark it frees down to the low one: what can be made again first, the oldest first,
never what is held or kept. The disk is one of 400 bytes, told to hold what the rows say.
"""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest
from django.db.models import Sum
from hypothesis import event, given
from hypothesis import strategies as st

from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.models import Job, Recording, RecordingFile
from retention import runs, sweep
from retention.choices import Mode
from retention.impact import impact
from retention.models import RetentionPolicy
from tests.retention.conftest import DAY, ago, run
from tests.retention.libraries import build, change, changes, quickly, rolled_back

pytestmark = pytest.mark.django_db

TOTAL = 400
seldom = st.sampled_from([False] * 7 + [True])
sources = st.sampled_from([{Kind.ORIGINAL}, {Kind.ORIGINAL}, {Kind.ORIGINAL}, set()])
derived = st.sets(st.sampled_from([Kind.TRIMMED, Kind.AUDIO, Kind.TRANSCRIPT]), min_size=1)
rich = st.fixed_dictionaries({
    "owner": st.integers(0, 1), "days": st.integers(0, 9), "size": st.integers(1, 9),
    "state": st.sampled_from(["ready"] * 7 + ["uploading", "failed"]),
    "kinds": st.builds(set.union, sources, derived),
    "trashed": seldom, "keep": seldom, "held": seldom, "busy": seldom,
})  # fmt: skip
libraries = st.lists(rich, min_size=3, max_size=7)
steps = st.integers(1, 3)
marks = st.builds(lambda low, step: (low + step, low), st.integers(65, 85), steps)
# Bytes that are taken beyond the low mark, three of them less than any high mark is.
disks = st.sampled_from([3, 12, 15, 20, 25, 30, 40, 60])
days = st.sampled_from([None, None, 2])
batches = st.sampled_from([1, 2, 500])


def stored() -> int:
    """Bytes of ours on the disk; condemned ones are there until the purge."""
    return StoredFile.objects.aggregate(size=Sum("size", default=0))["size"]


def fill(patch, taken):
    """Let so many bytes of the disk be taken, ours among them, and less as ours go."""
    others = taken - stored()

    def usage(path):
        return SimpleNamespace(total=TOTAL, free=TOTAL - others - stored())

    patch.setattr(shutil, "disk_usage", usage)


def taken_beyond(both, beyond):
    return TOTAL * both[1] // 100 + beyond


def policy_of(both, older_than):
    high, low = both
    policy = RetentionPolicy(
        name="p", target="recordings", action="delete", disk_high_percent=high,
        disk_low_percent=low, max_age_seconds=older_than and older_than * DAY,
    )  # fmt: skip
    policy.full_clean(exclude=["slug"])
    policy.save()
    assert policy.accept(version=1, by="anna")
    return policy


def items(run_, outcome):
    """What a run says of recordings, by id, and of renditions, by name."""
    found = run_.items.filter(outcome=outcome).values_list("row_id", "name")
    return {row_id or name for row_id, name in found}


def ready():
    """Name and size of each file that stands."""
    return dict(StoredFile.objects.ready().values_list("file", "size"))


def free(older_than):
    """Recordings that nothing keeps and the age would have gone, the oldest first."""
    rows = Recording.objects.live().exclude(keep=True).exclude(state="uploading")
    rows = rows.filter(created_at__lte=ago(days=older_than or 0))
    held = {one.pk for one in Recording.objects.held()}
    busy = set(Job.objects.open().values_list("recording_id", flat=True))
    return [one for one in rows.order_by("created_at", "pk") if one.pk not in held | busy]


def renditions(found):
    """Names of what can be made again in these recordings, in their order."""
    names = []
    for recording in found:
        files = {one.kind: one for one in RecordingFile.objects.filter(recording=recording)}
        source = Kind.ORIGINAL in files
        again = [files.get(Kind.TRIMMED)] if source else []
        again += [files.get(Kind.AUDIO)] if source or Kind.TRIMMED in files else []
        if recording.state == "ready":
            present = sorted(filter(None, again), key=lambda one: one.pk)
            names += [str(one.stored.file.name) for one in present]
    return names


def in_a_row(went, order):
    """Whether what went is the beginning of the order."""
    gone = [one for one in order if one in went]
    return gone == order[: len(gone)]


@quickly
@given(library=libraries, both=marks, beyond=disks, older_than=days, batch=batches)
def test_what_is_shown_of_a_full_disk_is_what_happens(
    owners, library, both, beyond, older_than, batch, monkeypatch
):
    with rolled_back(), monkeypatch.context() as patch:
        build(owners, library)
        fill(patch, taken_beyond(both, beyond))
        patch.setattr(sweep, "BATCH_SIZE", batch)
        policy = policy_of(both, older_than)

        shown = impact(policy)
        plan = run(policy, Mode.PLAN)
        before = sum(ready().values())
        done = run(policy)

        would = items(plan, "would")
        assert items(done, "deleted") == would
        assert items(done, "skipped") == items(plan, "skipped")
        assert (shown.goes.items, shown.blocked) == (len(would), plan.skipped)
        freed = before - sum(ready().values())
        assert shown.goes.size == plan.bytes_going() == done.bytes_freed == freed
        assert run(policy).deleted == 0
        event("some" if would else "none")


@quickly
@given(library=libraries, both=marks, beyond=disks, older_than=days, batch=batches)
def test_disk_is_freed_to_its_low_mark_in_order_and_no_further(
    owners, library, both, beyond, older_than, batch, monkeypatch
):
    with rolled_back(), monkeypatch.context() as patch:
        build(owners, library)
        fill(patch, taken := taken_beyond(both, beyond))
        patch.setattr(sweep, "BATCH_SIZE", batch)
        high, before = both[0], ready()
        order, again = free(older_than), renditions(free(older_than))
        needed = beyond  # a hundredth of the disk is four bytes

        done = run(policy_of(both, older_than))

        went = list(done.items.filter(outcome="deleted").order_by("pk"))
        freed = sum(before.values()) - sum(ready().values())
        if taken * 100 < TOTAL * high:
            assert (done.matched, freed) == (0, 0)
        elif went:
            assert freed - went[-1].size < needed
        wholes = {item.row_id for item in went} - {None}
        parts = {item.name for item in went if item.row_id is None}
        assert in_a_row(parts, again)
        assert in_a_row(wholes, [one.pk for one in order])
        assert not wholes or parts == set(again)
        if taken * 100 >= TOTAL * high and freed < needed:
            assert wholes == {one.pk for one in order}
        event(f"{'renditions' if parts else 'none'}, {'recordings' if wholes else 'none'}")


@quickly
@given(library=libraries, both=marks, beyond=disks, older_than=days, batch=batches)
def test_full_disk_takes_nothing_held_kept_or_without_its_source(
    owners, library, both, beyond, older_than, batch, monkeypatch
):
    with rolled_back(), monkeypatch.context() as patch:
        made = build(owners, library)
        fill(patch, taken_beyond(both, beyond))
        patch.setattr(sweep, "BATCH_SIZE", batch)
        may_go = {one.pk for one in free(older_than)}
        before = {one.pk: kinds(one) for one in made}

        run(policy_of(both, older_than))

        left = set(Recording.objects.values_list("pk", flat=True))
        assert set(before) - left <= may_go
        for one in made:
            lost = before[one.pk] - kinds(one) if one.pk in left else set()
            assert one.pk in may_go or not lost
            assert lost <= {Kind.TRIMMED, Kind.AUDIO}
            assert Kind.TRIMMED not in lost or Kind.ORIGINAL in kinds(one)
            assert not lost or kinds(one) & {Kind.ORIGINAL, Kind.TRIMMED}


def kinds(recording):
    return set(recording.files.filter(stored__state="ready").values_list("kind", flat=True))


@quickly
@given(library=libraries, both=marks, beyond=disks, older_than=days, batch=batches,
       changes=changes, later=st.integers(-60, 30))  # fmt: skip
def test_plan_for_a_full_disk_is_the_most_that_goes_whatever_happens_meanwhile(
    owners, library, both, beyond, older_than, batch, changes, later, monkeypatch
):
    with rolled_back(), monkeypatch.context() as patch:
        made = build(owners, library)
        fill(patch, taken := taken_beyond(both, beyond))
        policy = policy_of(both, older_than)
        plan = run(policy, Mode.PLAN)
        planned = items(plan, "would")
        for one in changes:
            change(owners, made, *one)
        patch.setattr(sweep, "BATCH_SIZE", batch)
        waiting = StoredFile.objects.filter(state="condemned").aggregate(size=Sum("size"))["size"]
        fill(patch, min(TOTAL, max(stored(), taken + later)))
        needed = TOTAL - shutil.disk_usage("").free - (waiting or 0) - TOTAL * both[1] / 100
        may_go, before = {one.pk for one in free(older_than)}, standing()

        runs.approve(plan, by="anna")
        sweep.execute(plan.pk)

        plan.refresh_from_db()
        gone = {name: (pk, size) for name, (pk, size) in before.items() if name not in standing()}
        assert all(name in planned or pk in planned for name, (pk, _) in gone.items())
        assert {pk for pk, _ in gone.values()} <= may_go
        freed = sum(size for _, size in gone.values())
        assert plan.bytes_freed == freed
        largest = plan.items.filter(outcome="deleted").order_by("-size").first()
        assert largest is None or freed - sum_of(largest, gone) < needed
        assert plan.matched == plan.deleted + plan.skipped + plan.failed


def standing():
    """Recording and size of each file that stands, by name."""
    rows = StoredFile.objects.ready().values_list("file", "recording_id", "size")
    return {name: (pk, size) for name, pk, size in rows}


def sum_of(item, gone):
    """The bytes that went with an item; with a recording, those planned alone are among them."""
    return sum(size for name, (pk, size) in gone.items() if item.row_id == pk or item.name == name)
