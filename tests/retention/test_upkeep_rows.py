"""Uploads, former transcripts, rendered videos, runs and sign-ins: which go and which stay."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from recordings.holds import hold_recording
from recordings.ledger import leases, names
from recordings.ledger.models import Receipt, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.publish import Publication
from recordings.ledger.purge import purge
from recordings.models import Job, Recording, RecordingFile
from recordings.trash import move_to_trash
from retention.choices import Mode
from retention.models import RetentionRun
from tests.conftest import assert_clean, store
from tests.retention.conftest import DAY, ago, run

pytestmark = pytest.mark.django_db(transaction=True)

STATE = Recording.State.UPLOADING


def begun(recording) -> Publication:
    return Publication.begin(
        name=names.original(recording.owner_id, recording.pk, "mp4"),
        kind=Kind.ORIGINAL,
        owner_id=recording.owner_id,
        recording_id=recording.pk,
        size=1000,
    )


@pytest.fixture
def make_upload(make_recording):
    def make(**age):
        recording = make_recording(files=0, state=STATE)
        Recording.objects.filter(pk=recording.pk).update(created_at=ago(**(age or {"days": 2})))
        return recording

    return make


def left():
    return set(Recording.objects.values_list("pk", flat=True))


def test_abandoned_upload_goes_and_the_young_one_stays(make_upload, make_policy, recording):
    abandoned, young = make_upload(), make_upload(hours=23)

    done = run(make_policy("uploads"))

    assert left() == {young.pk, recording.pk}
    assert list(done.items.values_list("recording_id", "outcome")) == [(abandoned.pk, "deleted")]
    assert_clean()


@pytest.mark.parametrize("age", [0, DAY])
def test_upload_with_a_live_writer_survives_any_age(make_upload, make_policy, age):
    upload = make_upload()
    with begun(upload) as publication:
        publication.write(b"bytes")

        done = run(make_policy("uploads", max_age_seconds=age))

        assert left() == {upload.pk}
        assert (done.deleted, done.failed) == (0, 0)


def test_upload_that_has_only_begun_survives_age_zero(make_recording, make_policy):
    upload = make_recording(files=0, state=STATE)

    done = run(make_policy("uploads", max_age_seconds=0))

    assert left() == {upload.pk}
    assert done.items.get().detail == "It is being uploaded."


def test_upload_whose_writer_is_gone_leaves_nothing(make_upload, make_policy, account):
    from recordings.ledger import publish

    publication = begun(make_upload())
    publication.write(b"bytes")
    gone = leases.holder().rsplit("/", 1)[0] + "/1"
    StoredFile.objects.update(claimed_by=gone, lease_until=ago(days=1))

    run(make_policy("uploads"))
    publish.recover()
    purge()

    assert left() == set()
    assert not StoredFile.objects.exists()
    assert (account().used, account().reserved) == (0, 0)


@pytest.mark.parametrize("why", ["held", "import waits"])
def test_upload_that_something_keeps_stays(make_upload, make_policy, why):
    upload = make_upload()
    if why == "held":
        hold_recording(upload.pk, reason="court case", by="anna")
    else:
        Job.objects.create(recording=upload, owner_id=upload.owner_id, kind=Job.Kind.IMPORT)

    done = run(make_policy("uploads"))

    assert left() == {upload.pk}
    assert done.skipped == 1


@pytest.fixture
def versions(recording):
    """A transcript in its third version; returns them oldest first."""
    made = list(recording.files.filter(kind=Kind.TRANSCRIPT))
    for _ in range(2):
        with transaction.atomic():
            recording.files.current().filter(kind=Kind.TRANSCRIPT).update(
                superseded_at=ago(days=60)
            )
        made.append(store(recording, Kind.TRANSCRIPT, bytes(700)))
    return made


def standing(recording):
    return set(recording.files.filter(kind=Kind.TRANSCRIPT).values_list("version", flat=True))


def test_former_versions_go_with_receipts_and_the_one_in_use_stays(
    recording, versions, make_policy, account, anywhere
):
    before = account().used

    done = run(make_policy("transcripts", max_age_seconds=30 * DAY))
    purge()

    assert standing(recording) == {3}
    assert (done.deleted, done.bytes_freed) == (2, 1003 + 700)
    assert before - account().used == done.bytes_freed
    assert Receipt.objects.count() == 2
    assert recording.files.count() == 5
    assert_clean()


def edited(recording, versions):
    RecordingFile.objects.filter(pk=versions[0].pk).update(edited=True)


def young(recording, versions):
    RecordingFile.objects.filter(pk=versions[0].pk).update(superseded_at=ago(days=29))


def held(recording, versions):
    hold_recording(recording.pk, reason="court case", by="anna")


def kept(recording, versions):
    Recording.objects.filter(pk=recording.pk).update(keep=True)


def trashed(recording, versions):
    move_to_trash([recording.pk], by="olga")


def busy(recording, versions):
    Job.objects.create(recording=recording, owner_id=recording.owner_id)


def alone(recording, versions):
    recording.files.current().filter(kind=Kind.TRANSCRIPT).update(superseded_at=ago(days=60))


@pytest.mark.parametrize(
    ("protect", "stay"),
    [
        (edited, {1, 3}),
        (young, {1, 3}),
        (held, {1, 2, 3}),
        (kept, {1, 2, 3}),
        (trashed, {1, 2, 3}),
        (busy, {1, 2, 3}),
        (alone, {1, 2, 3}),
    ],
)
def test_former_version_that_something_keeps_stays(recording, versions, make_policy, protect, stay):
    protect(recording, versions)

    run(make_policy("transcripts", max_age_seconds=30 * DAY))

    assert standing(recording) == stay
    assert_clean()


def test_former_trimmed_video_is_no_transcript(recording, make_policy):
    recording.files.filter(kind=Kind.TRIMMED).update(superseded_at=ago(days=60))

    assert run(make_policy("transcripts")).matched == 0


@pytest.fixture
def make_final(recording):
    def make(number, **age):
        name = names.final(recording.owner_id, recording.pk, number)
        with Publication.begin(
            name=name, kind=Kind.FINAL, owner_id=recording.owner_id,
            recording_id=recording.pk, size=400,
        ) as publication:  # fmt: skip
            publication.write(bytes(400))
            publication.finish()
            with transaction.atomic():
                file = RecordingFile.objects.create(
                    recording=recording, kind=Kind.FINAL, version=number,
                    stored=publication.settle(),
                )  # fmt: skip
        RecordingFile.objects.filter(pk=file.pk).update(created_at=ago(**age))
        return file

    return make


def test_rendered_video_goes_after_its_day(recording, make_final, make_policy):
    make_final(1, hours=25)
    young = make_final(2, hours=23)

    done = run(make_policy("finals"))
    purge()

    assert done.deleted == 1
    assert list(recording.files.filter(kind=Kind.FINAL)) == [young]
    assert recording.files.count() == 6
    assert_clean()


def test_rendered_video_of_a_held_recording_stays(recording, make_final, make_policy):
    make_final(1, hours=25)
    hold_recording(recording.pk, reason="court case", by="anna")

    assert (run(make_policy("finals")).deleted, recording.files.count()) == (0, 6)


def test_policy_of_sessions_finds_nothing_where_nobody_edits(make_policy):
    assert run(make_policy("sessions", max_age_seconds=0)).matched == 0


def test_old_runs_go_with_their_items_and_the_last_of_each_policy_stays(make_policy, make_upload):
    make_upload()
    busy = make_policy("uploads", name="busy", action="report")
    first, last, preview = run(busy), run(busy), run(busy, Mode.PLAN)
    waiting, later = run(make_policy("jobs")), None
    RetentionRun.objects.filter(pk=waiting.pk).update(state="waiting")
    later = run(waiting.policy)
    ownerless = run(make_policy("jobs", name="gone"))
    ownerless.policy.delete()
    RetentionRun.objects.update(finished_at=ago(days=400))
    young = run(busy)
    cleaner = make_policy("run_history", max_age_seconds=365 * DAY)

    done = run(cleaner)

    assert done.deleted == 3
    assert set(RetentionRun.objects.values_list("pk", flat=True)) == {
        preview.pk, waiting.pk, later.pk, young.pk, done.pk,
    }  # fmt: skip
    assert set(done.items.values_list("name", flat=True)) == {
        str(first), str(last), f"run {ownerless.pk} of gone",
    }  # fmt: skip


def make_session(**left_over) -> str:
    session = SessionStore()
    session["who"] = "olga"
    session.save()
    expires = timezone.now() + timedelta(**left_over)
    Session.objects.filter(pk=session.session_key).update(expire_date=expires)
    return str(session.session_key)


def test_expired_sign_ins_go_and_no_key_is_told(make_policy):
    expired = [make_session(days=-days) for days in (1, 2, 3)]
    live = make_session(days=1)

    done = run(make_policy("django_sessions", max_age_seconds=0))

    assert list(Session.objects.values_list("pk", flat=True)) == [live]
    assert done.deleted == 3
    told = set(done.items.values_list("name", flat=True))
    assert told == {f"sign-in {key[:12]}" for key in expired}


def test_sign_in_renewed_after_the_plan_stays(make_policy):
    from retention import runs, sweep

    key = make_session(days=-1)
    plan = run(make_policy("django_sessions", max_age_seconds=0), Mode.PLAN)
    Session.objects.filter(pk=key).update(expire_date=ago(days=-1))

    runs.approve(plan, by="anna")
    sweep.execute(plan.pk)

    assert Session.objects.filter(pk=key).exists()
