"""What happens to the original when processing ends, and when its hour comes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from recordings import trash
from recordings.ledger.models import Account, Receipt, StoredFile
from recordings.ledger.purge import purge
from recordings.ledger.release import place_hold
from recordings.models import Recording, RecordingFile
from recordings.processing import jobs, outcome
from recordings.processing.models import SourceRule
from tests.recordings.scenes import (
    again,
    assert_nothing_but,
    files,
    newest,
    processed,
    ship_rules,
    upload,
)

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def rules(db):
    ship_rules()


def original(recording: Recording) -> RecordingFile | None:
    return recording.files.current().filter(kind="original").first()


def days_left(recording: Recording) -> float:
    return (original(recording).leaves_at - recording.processed_at) / timedelta(days=1)


def come(recording: Recording) -> None:
    """Let the hour of the original come."""
    RecordingFile.objects.filter(recording=recording, kind="original").update(
        leaves_at=Now() - timedelta(seconds=1), leaves_because="source rule processing_succeeded"
    )


@pytest.mark.media
def test_small_cut_lets_the_original_go_at_once_with_a_receipt(owner, clip):
    recording = upload(owner, clip("video"), trim_start=0.1)
    name, size = files(recording)["original"], clip("video").stat().st_size

    processed(recording)

    assert original(recording) is None
    assert_nothing_but(set(files(recording).values()))
    receipt = Receipt.objects.get(name=name)
    assert (receipt.size, receipt.reason) == (size, "source_rule")
    assert receipt.released_by == "source rule processing_succeeded"


@pytest.mark.media
def test_large_cut_keeps_the_original_for_a_week(owner, clip):
    recording = upload(owner, clip("video"), trim_start=1.0)

    processed(recording)

    assert days_left(recording) == pytest.approx(7, abs=0.01)


@pytest.mark.media
def test_site_fault_beside_a_good_rendition_starts_no_clock(owner, clip, settings):
    settings.TRANSCRIBER = "recordings.processing.transcribers.whisper.Whisper"
    recording = upload(owner, clip("video"))

    processed(recording)

    assert recording.state == "ready"
    assert "transcriber" in recording.warning
    assert original(recording).leaves_at is None


@pytest.mark.media
def test_site_fault_stops_the_clock_of_an_earlier_failure(owner, clip, settings):
    settings.TRANSCRIBER = "recordings.processing.transcribers.whisper.Whisper"
    recording = upload(owner, clip("video"), trim_start=9.0)
    processed(recording)
    assert original(recording).leaves_at

    again(recording, trim_start=None)

    assert recording.state == "ready"
    assert original(recording).leaves_at is None


@pytest.mark.media
def test_held_recording_keeps_its_original_and_its_old_files(owner, clip):
    recording = upload(owner, clip("video"), trim_start=0.1)
    hold = place_hold(reason="audit", by="anna", owner_id=owner.pk, recording_id=recording.pk)
    processed(recording)
    again(recording)

    everything = set(recording.files.values_list("stored__file", flat=True))
    assert original(recording).leaves_at
    assert outcome.remove_due_originals() == 0
    assert len(everything) == 1 + 2 * 6
    assert_nothing_but(everything)
    assert outcome.remove_superseded() == 0

    hold.release(by="anna")

    assert outcome.remove_due_originals() == 1
    assert outcome.remove_superseded() == 3
    words = recording.files.superseded().values_list("kind", flat=True)
    assert set(words) == {"transcript", "topics", "subtitles"}


@pytest.mark.media
@pytest.mark.parametrize(
    ("action", "stays"), [("keep", None), ("delay", timedelta(days=2))], ids=["keep", "delay"]
)
def test_rule_of_the_administrator_is_followed(owner, clip, action, stays):
    SourceRule.objects.filter(event="processing_succeeded").update(
        action=action, delay=timedelta(days=2)
    )
    recording = upload(owner, clip("without_sound"))

    processed(recording)

    if stays is None:
        assert original(recording).leaves_at is None
    else:
        assert days_left(recording) == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize(
    ("removed", "duration", "days"),
    [(29, 3600, 0), (31, 3600, 7), (4, 100, 0), (6, 100, 7), (0, 100, 0)],
)
def test_shipped_rule_waits_after_thirty_seconds_or_five_percent(removed, duration, days):
    rule = SourceRule.objects.get(event="processing_succeeded")

    assert rule.wait(duration=duration, removed=removed) == timedelta(days=days)


def test_switched_off_rule_keeps_the_original():
    assert SourceRule(action="delete", enabled=False).wait(duration=9, removed=0) is None


RULE = "After processing, the original file is removed {}and the trimmed version stays"
AT_ONCE, LONG_CUT = "at once ", "; the original stays for 7 days when more than {} were cut off"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"action": "delete", "cut_seconds": 30, "cut_percent": 5},
            RULE.format(AT_ONCE) + LONG_CUT.format("30 s or 5 %") + ".",
        ),
        (
            {"action": "delete", "cut_percent": 2.5},
            RULE.format(AT_ONCE) + LONG_CUT.format("2.5 %") + ".",
        ),
        ({"action": "delete"}, RULE.format(AT_ONCE) + "."),
        (
            {"action": "delay", "delay": timedelta(days=9), "cut_seconds": 30},
            RULE.format("9 days later ") + ".",
        ),
        ({"action": "keep", "cut_seconds": 30}, ""),
        ({"action": "delete", "enabled": False}, ""),
    ],
)
def test_rule_is_told_in_a_sentence(values, sentence):
    assert SourceRule(event="processing_succeeded", **values).sentence == sentence


def test_other_rules_are_told_too():
    told = {rule.event: rule.sentence for rule in SourceRule.objects.all()}

    assert told["processing_cancelled"] == (
        "When it is cancelled, the original file is removed at once."
    )
    assert told["processing_failed"] == (
        "When processing fails, the original file is removed 1 day later."
    )


def test_due_original_goes_once(recording):
    come(recording)

    assert (outcome.remove_due_originals(), outcome.remove_due_originals()) == (1, 0)

    purge()
    assert_nothing_but(set(files(recording).values()))


def test_original_before_its_hour_stays(recording):
    RecordingFile.objects.filter(kind="original").update(leaves_at=Now() + timedelta(minutes=1))

    assert outcome.remove_due_originals() == 0


def test_due_original_stays_while_it_is_being_processed(recording):
    come(recording)
    jobs.start(recording.pk)
    assert outcome.remove_due_originals() == 0

    jobs.cancel(newest(recording))

    assert outcome.remove_due_originals() == 1


def test_due_original_stays_while_there_is_nothing_else_to_watch(make_recording):
    recording = make_recording(files=1)
    come(recording)

    assert outcome.remove_due_originals() == 0


def test_due_original_stays_in_the_trash_so_that_it_can_be_restored(recording):
    come(recording)
    trash.move_to_trash([recording.pk], by="olga")
    assert outcome.remove_due_originals() == 0

    trash.restore([recording.pk])

    assert outcome.remove_due_originals() == 1


def test_failure_in_the_trash_starts_no_clock(make_recording):
    recording = make_recording(files=1, state="cancelled")
    job = jobs.claim(jobs.start(recording.pk).pk)
    trash.move_to_trash([recording.pk], by="olga")

    assert outcome.failed(job, "This is no video.")

    assert original(recording).leaves_at is None


def test_due_original_of_a_failed_recording_goes(make_recording):
    recording = make_recording(files=1, state="failed")
    come(recording)

    assert outcome.remove_due_originals() == 1
    assert StoredFile.objects.get().reason == "source_rule"


def test_hold_on_the_owner_keeps_due_originals(recording, owner):
    come(recording)
    place_hold(reason="audit", by="anna", owner_id=owner.pk)

    assert outcome.remove_due_originals() == 0


def test_account_that_does_not_add_up_keeps_no_other_files(make_user, make_recording):
    for user in (make_user("boris"), make_user("pavel")):
        files = make_recording(of=user).files.filter(kind="trimmed")
        files.update(superseded_at=Now())
    Account.objects.filter(name="boris").update(used=0)

    assert outcome.remove_superseded() == 1

    left = RecordingFile.objects.superseded().values_list("recording__owner__username", flat=True)
    assert list(left) == ["boris"]
