"""Rules beside the age: the newest of each owner, what fits, and a disk that is too full."""

from __future__ import annotations

import shutil
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from recordings.holds import hold_recording
from recordings.ledger.names import Kind
from recordings.ledger.purge import purge
from recordings.models import Recording, RecordingFile
from retention import runs, sweep, words
from retention.choices import Mode
from retention.explain import explain
from retention.impact import change, impact
from retention.targets import library
from tests.conftest import assert_clean, store
from tests.retention.conftest import DAY, ago, run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def make_row(make_recording):
    """Make recordings of one file of 1000 bytes, each a day older than the one before."""
    made = []

    def make(**values):
        recording = make_recording(files=1, **values)
        made.append(recording.pk)
        Recording.objects.filter(pk=recording.pk).update(created_at=ago(days=len(made)))
        recording.refresh_from_db()
        return recording

    return make


@pytest.fixture
def fill_disk(monkeypatch):
    """Say that the disk holds 10,000 bytes, so many of them taken beside our own files."""

    def fill(others: int) -> None:
        def usage(path):
            ours = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
            return SimpleNamespace(total=10_000, used=0, free=10_000 - others - ours)

        monkeypatch.setattr(shutil, "disk_usage", usage)

    return fill


def gone(done) -> set[int]:
    return set(
        done.items.filter(outcome__in=("deleted", "trashed")).values_list("row_id", flat=True)
    )


def test_newest_of_each_owner_stay(make_row, make_policy, make_user):
    mine = [make_row() for _ in range(4)]
    boris = make_user("boris")
    theirs = [make_row(of=boris) for _ in range(3)]

    done = run(make_policy(max_age_seconds=None, keep_newest=2))

    assert gone(done) == {row.pk for row in (*mine[2:], *theirs[2:])}
    assert "not among the newest 2 of its owner" in done.items.first().reason


def test_only_what_every_rule_asks_for_goes(make_row, make_policy):
    rows = [make_row() for _ in range(5)]

    aged = run(make_policy(max_age_seconds=4 * DAY, keep_newest=2))
    assert gone(aged) == {row.pk for row in rows[3:]}

    ranked = run(make_policy(name="b", max_age_seconds=0, keep_newest=2, max_total_bytes=10**6))
    assert ranked.matched == 0


def test_upload_that_may_yet_fail_pushes_nothing_out(make_row, make_policy):
    row = make_row()
    make_row(state=Recording.State.UPLOADING)
    Recording.objects.filter(state="uploading").update(created_at=timezone.now())

    assert run(make_policy(max_age_seconds=None, keep_newest=1)).matched == 0
    assert Recording.objects.live().filter(pk=row.pk).exists()


def test_kept_recording_takes_nobodys_place(make_row, make_policy):
    make_row(keep=True)
    second, third = make_row(), make_row()

    assert gone(run(make_policy(max_age_seconds=None, keep_newest=1))) == {third.pk}
    assert Recording.objects.live().filter(pk=second.pk).exists()


def test_oldest_go_until_the_rest_fits(make_row, make_policy):
    rows = [make_row() for _ in range(5)]
    policy = make_policy(max_age_seconds=None, max_total_bytes=3500, action="delete")

    assert impact(policy).goes.items == 2
    done = run(policy)
    again = run(policy)

    assert gone(done) == {row.pk for row in rows[3:]}
    assert again.matched == 0


def test_bytes_of_very_many_are_estimated_and_say_so(make_row, make_policy, monkeypatch):
    for _ in range(6):
        make_row()
    policy = make_policy(max_age_seconds=0)
    assert impact(policy).goes == (6, 1, 6000, False)

    monkeypatch.setattr(library, "EXACT", 5)
    monkeypatch.setattr(library, "SAMPLED", 3)

    assert impact(policy).goes == (6, 1, 6000, True)
    assert words.weighed(impact(policy).goes, "recordings") == "6 recordings, about 5.9 KB, 1 owner"


def test_estimate_is_not_misled_by_every_second_row(make_row, make_policy, monkeypatch):
    rows = [make_row() for _ in range(12)]
    Recording.objects.filter(pk__in=[row.pk for row in rows[::2]]).update(expire_at=ago(days=1))
    monkeypatch.setattr(library, "EXACT", 5)
    monkeypatch.setattr(library, "SAMPLED", 6)

    found = impact(make_policy(max_age_seconds=0, clock="expire_at"))

    assert found.goes == (6, 1, 6000, True)


def test_change_of_a_rank_is_shown_against_what_was_accepted(make_row, make_policy):
    for _ in range(5):
        make_row()
    policy = make_policy(max_age_seconds=None, keep_newest=3, max_total_bytes=1500)
    policy.keep_newest, policy.max_total_bytes = 1, 2500
    policy.save()

    found = change(policy)

    assert (found.added.items, found.removed.items) == (1, 0)


def test_change_of_the_target_is_shown_as_all_of_both(make_row, make_policy, fill_disk):
    for _ in range(3):
        make_row()
    fill_disk(6000)
    policy = full_disk(make_policy)
    policy.disk_high_percent = policy.disk_low_percent = None
    policy.max_age_seconds = 0
    policy.save()

    found = change(policy)

    assert (found.added.items, found.removed.items, found.more) == (1, 0, False)


def test_cap_of_nothing_is_a_rule(make_row, make_policy):
    make_row()

    assert run(make_policy(max_age_seconds=None, max_total_bytes=0)).deleted == 1


def test_newcomer_between_plan_and_run_takes_nothing_beyond_the_plan(make_row, make_policy):
    rows = [make_row() for _ in range(4)]
    plan = run(make_policy(max_age_seconds=None, keep_newest=3), Mode.PLAN)
    Recording.objects.filter(pk=rows[0].pk).delete()

    runs.approve(plan, by="anna")
    sweep.execute(plan.pk)

    plan.refresh_from_db()
    assert (plan.deleted, plan.skipped) == (0, 1)
    assert "among the newest 3" in plan.items.get().detail


def test_disk_below_its_high_mark_is_left_alone(make_row, make_policy, fill_disk):
    for _ in range(3):
        make_row()
    policy = full_disk(make_policy)

    fill_disk(5999)
    assert run(policy).matched == 0

    fill_disk(6000)
    assert run(policy).matched == 2


def full_disk(make_policy, **values):
    marks = {"disk_high_percent": 90, "disk_low_percent": 75}
    return make_policy(**{"max_age_seconds": None, "action": "delete", **marks, **values})


def test_oldest_go_down_to_the_low_mark_and_the_purge_changes_nothing(
    make_row, make_policy, fill_disk, monkeypatch
):
    monkeypatch.setattr(sweep, "BATCH_SIZE", 1)
    rows = [make_row() for _ in range(4)]
    fill_disk(5500)
    policy = full_disk(make_policy)

    assert impact(policy).goes.items == 2
    done = run(policy)

    assert gone(done) == {row.pk for row in rows[2:]}
    assert run(policy).matched == 0
    purge()
    assert run(policy).matched == 0
    assert_clean()


def test_renditions_that_can_be_made_again_go_first(make_recording, make_policy, fill_disk):
    whole = make_recording(width=640)
    Recording.objects.filter(pk=whole.pk).update(created_at=ago(days=9))
    only_audio = make_recording(files=0, width=640)
    for kind in (Kind.TRIMMED, Kind.AUDIO):
        store(only_audio, kind, b"x" * 500)
    fill_disk(3790)

    done = run(full_disk(make_policy))

    kinds = set(whole.files.values_list("kind", flat=True))
    assert kinds == {"original", "transcript", "subtitles"}
    assert set(only_audio.files.values_list("kind", flat=True)) == {"trimmed"}
    assert (done.deleted, done.bytes_freed, done.matched) == (3, 2503, 3)
    assert set(done.items.values_list("row_id", flat=True)) == {None}
    assert Recording.objects.live().count() == 2
    purge()
    assert_clean()


def test_recordings_go_when_renditions_are_not_enough(make_recording, make_policy, fill_disk):
    old, young = make_recording(width=640), make_recording(width=640)
    Recording.objects.filter(pk=old.pk).update(created_at=ago(days=9))
    fill_disk(4000)

    plan = run(full_disk(make_policy), Mode.PLAN)
    done = run(full_disk(make_policy, name="b"))

    assert plan.bytes_matched == done.bytes_freed == 2 * 2003 + 3007
    assert (plan.matched, done.deleted) == (5, 5)
    assert Recording.objects.get() == young
    assert_clean()


def test_rendition_stays_while_a_source_rule_is_about_to_take_the_original(
    make_recording, make_policy, fill_disk
):
    recording = make_recording(width=640)
    RecordingFile.objects.filter(kind="original").update(leaves_at=ago(days=-1))
    fill_disk(4000)

    run(full_disk(make_policy, disk_low_percent=85))

    assert recording.file(Kind.TRIMMED) is not None
    assert recording.file(Kind.AUDIO) is None


def test_held_recordings_keep_their_renditions_and_others_go_in_their_place(
    make_recording, make_policy, fill_disk
):
    held, free = make_recording(width=640), make_recording(width=640)
    Recording.objects.filter(pk=held.pk).update(created_at=ago(days=9))
    hold_recording(held.pk, reason="court case", by="anna")
    fill_disk(-1000)

    done = run(full_disk(make_policy))

    assert held.files.count() == 5
    assert free.file(Kind.TRIMMED) is None
    assert (done.deleted, done.skipped) == (2, 2)


def test_rendition_whose_original_went_meanwhile_stays(make_recording, make_policy, fill_disk):
    recording = make_recording(width=640)
    fill_disk(4000)
    plan = run(full_disk(make_policy), Mode.PLAN)
    recording.file(Kind.ORIGINAL).delete()

    runs.approve(plan, by="anna")
    sweep.execute(plan.pk)

    plan.refresh_from_db()
    assert recording.file(Kind.TRIMMED) is not None
    assert (plan.deleted, plan.skipped) == (1, 1)


def test_disk_that_is_not_mounted_needs_nothing(make_recording, make_policy, settings, tmp_path):
    recording = make_recording()
    policy = full_disk(make_policy)
    settings.MEDIA_ROOT = tmp_path / "unmounted"

    done = run(policy)

    assert (done.state, done.matched) == ("refused", 0)
    assert "is its disk mounted?" in done.message
    assert explain(recording).leaves_at is None


def test_rule_for_a_full_disk_refuses_to_run_over_a_bucket(
    s3, make_recording, make_policy, settings, tmp_path
):
    settings.MEDIA_ROOT = tmp_path / "nothing"  # as nothing is made there for a bucket
    recording = make_recording(files=1)

    done = run(full_disk(make_policy))

    assert (done.state, done.deleted) == ("refused", 0)
    assert "bucket" in done.message
    assert explain(recording).leaves_at is None


def test_trash_frees_no_room(make_policy):
    with pytest.raises(ValidationError, match="frees no room"):
        full_disk(make_policy, action="trash")


def test_originals_go_until_the_rest_fits(make_recording, make_policy):
    rows = [make_recording(width=640, processed_at=ago(days=days)) for days in (1, 2, 3)]

    done = run(make_policy("originals", max_age_seconds=None, max_total_bytes=2500))

    assert done.deleted == 1
    assert rows[2].file(Kind.ORIGINAL) is None
    assert rows[1].file(Kind.ORIGINAL) is not None


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"keep_newest": 5}, "all recordings go to the trash, except held and kept; "
         "the newest 5 of each owner stay."),
        ({"max_total_bytes": 2 * 1024**4}, "go to the trash until they fit into 2.0 TB, except"),
        ({"action": "delete", "disk_high_percent": 90, "disk_low_percent": 80},
         "are deleted for ever while the disk is more than 90 % full, down to 80 %, except"),
    ],
)  # fmt: skip
def test_summary_says_each_rule(make_policy, rules, words):
    assert words in make_policy(max_age_seconds=None, **rules).summary


def test_what_is_chosen_by_rank_has_no_date_unless_it_is_due(make_row, make_policy):
    first, second = make_row(), make_row()
    make_policy(max_age_seconds=None, keep_newest=1, crontab="0 2 * * *")

    stays, goes = explain(first), explain(second)

    assert (stays.leaves_at, stays.policy) == (None, "old-recordings")
    assert "among the newest 1" in stays.sentence
    assert goes.leaves_at is not None
    assert goes.leaves_at < timezone.now() + timedelta(days=1)
