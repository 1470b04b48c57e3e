"""recordings/processing/outcome.py: how a job ends, in one transaction each way.

The only place where processing replaces or removes files, so a mistake here costs a recording.
What keeps it safe: the job's claim is repeated in the update that ends it, and losing it rolls
everything back; the new rendition was decoded whole before; a held recording keeps its old files;
the original goes only as its source rule says, and never for a failure that is the site's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from django.db.models import QuerySet
from django.db.models.functions import Now

from recordings.ledger import clock, reservations
from recordings.ledger.exceptions import Lost
from recordings.ledger.models import Account, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.publish import Publication
from recordings.ledger.release import release
from recordings.ledger.transactions import retried
from recordings.models import Recording, RecordingFile
from recordings.processing.models import Job, SourceRule
from recordings.spans import same_cut
from recordings.trash import BATCH_SIZE, held_among, locked

logger = logging.getLogger(__name__)

FORMER_CAPTIONS = (
    "The captions that were edited belong to another cut; they are among the former files."
)
OTHER_CLOCK = "The captions that were edited belong to another cut, so their times are wrong now."
LOG_LENGTH = 20_000  # characters kept of a job's log, the last ones

# Replaced files of these kinds go at once; older transcripts wait for their policy.
REPLACED_AT_ONCE = (Kind.TRIMMED, Kind.AUDIO, Kind.POSTER)


@dataclass(frozen=True, slots=True)
class Result:
    """A finished publication and what it is to the recording."""

    kind: Kind
    number: int
    publication: Publication
    draft: bool = False
    stand_in: bool = False  # see steps.base.Output


@dataclass(frozen=True, slots=True)
class Findings:
    """What processing learnt: seconds of the rendition, pixels, seconds cut off, warnings."""

    source_duration: float
    duration: float
    width: int | None
    height: int | None
    removed: float
    warning: str
    log: str
    verified: bool
    site_fault: bool


def succeeded(job: Job, results: Sequence[Result], findings: Findings) -> None:
    """Show the new files, let go of the old ones, apply the source rule, close the job.

    Raises Lost when the job was taken over, cancelled or its recording trashed meanwhile.
    """

    def finish() -> None:
        with locked([job.recording_id or 0]) as found:
            recording = still_ours(job, found)
            held = bool(held_among(found))
            lost = _captions_of_another_cut(recording, findings)
            shown = [one for one in results if not _is_worse(one, recording, findings)]
            _supersede(recording, [result.kind for result in shown], held=held)
            for result in shown:
                RecordingFile.objects.create(
                    recording=recording,
                    kind=result.kind,
                    version=result.number,
                    draft=result.draft,
                    stored=result.publication.settle(),
                )
            _describe(recording, findings)
            if lost:
                _warn_of_captions(recording, lost)
            if findings.verified and not findings.site_fault:
                _apply_rule(SourceRule.Event.SUCCEEDED, recording, held=held, findings=findings)
            else:
                _stop_clock(recording)
            close(job, Job.State.SUCCEEDED, step="", progress=100, log=findings.log[-LOG_LENGTH:])

    retried(finish)


def still_ours(job: Job, found: Sequence[Recording]) -> Recording:
    """Return the locked recording of a job that may still be finished. Raises Lost."""
    mine = Job.objects.filter(
        pk=job.pk, claim=job.claim, state=Job.State.RUNNING, cancel_requested_at=None
    )
    if not found or found[0].trashed_at is not None or not mine.select_for_update().exists():
        raise Lost("This job is no longer ours to finish.")
    return found[0]


def _is_worse(result: Result, recording: Recording, findings: Findings) -> bool:
    """Tell of a document that must not replace the one before.

    That is an empty one from a step that failed, and any that would replace what a person wrote on
    the same clock.
    """
    former = recording.file(result.kind)
    if former is None:
        return False
    return result.stand_in or (former.edited and _keeps_time(former, recording, findings))


def _keeps_time(edited: RecordingFile, recording: Recording, findings: Findings) -> bool:
    """Tell whether its times are still right, as far as the length of the rendition says it."""
    length = recording.duration if edited.cut_length is None else edited.cut_length
    return length is not None and same_cut(length, findings.duration)


def _captions_of_another_cut(recording: Recording, findings: Findings) -> RecordingFile | None:
    """Return the captions that a person edited, where their times are wrong from now on."""
    captions = recording.file(Kind.SUBTITLES)
    if captions is None or not captions.edited or _keeps_time(captions, recording, findings):
        return None
    return captions


def _warn_of_captions(recording: Recording, edited: RecordingFile) -> None:
    """Say what became of captions that a person edited for another cut."""
    stands = recording.file(Kind.SUBTITLES) == edited  # nothing could be made to replace them
    sentence = OTHER_CLOCK if stands else FORMER_CAPTIONS
    recording.warning = f"{recording.warning} {sentence}".strip()
    recording.save(update_fields=["warning"])


def _supersede(recording: Recording, kinds: Sequence[Kind], *, held: bool) -> None:
    former = recording.files.current().filter(kind__in=kinds)
    gone = [] if held else [file for file in former if file.kind in REPLACED_AT_ONCE]
    former.update(superseded_at=Now())
    _let_go(gone, reason=StoredFile.Reason.REPLACED, by="processing")


def _let_go(files: Sequence[RecordingFile], *, reason: StoredFile.Reason, by: str) -> None:
    release([file.stored_id for file in files], reason=reason, by=by)
    RecordingFile.objects.filter(pk__in=[file.pk for file in files]).delete()


def _describe(recording: Recording, findings: Findings) -> None:
    recording.duration = findings.duration
    recording.width, recording.height = findings.width, findings.height
    recording.warning = findings.warning
    recording.state = Recording.State.READY
    recording.save(update_fields=["duration", "width", "height", "warning", "state"])
    Recording.objects.filter(pk=recording.pk).update(processed_at=Now())


def _apply_rule(
    event: SourceRule.Event,
    recording: Recording,
    *,
    held: bool,
    findings: Findings | None = None,
) -> None:
    """Let the original go now, stamp when it will, or leave it; a held one stays for the while."""
    rule = SourceRule.objects.filter(event=event).first()
    original = recording.file(Kind.ORIGINAL)
    if rule is None or original is None:
        return
    wait = rule.wait(
        duration=findings.source_duration if findings else 0,
        removed=findings.removed if findings else 0,
    )
    because = f"{SourceRule.REASON}{event}"
    if wait is None:
        _stop_clock(recording)
    elif wait > timedelta(0) or held:
        RecordingFile.objects.filter(pk=original.pk).update(
            leaves_at=Now() + wait, leaves_because=because
        )
    else:
        _let_go([original], reason=StoredFile.Reason.SOURCE_RULE, by=because)


def _stop_clock(recording: Recording) -> None:
    """Let the original stay, also where an earlier failure had set its hour."""
    original = recording.files.current().filter(kind=Kind.ORIGINAL)
    original.update(leaves_at=None, leaves_because="")


def close(job: Job, state: Job.State, **values: object) -> None:
    """End the job we hold and give its room back. Raises Lost."""
    mine = Job.objects.open().filter(pk=job.pk, claim=job.claim)
    changed = mine.update(
        state=state, finished_at=Now(), claim=None, claimed_by="", lease_until=None, **values
    )
    if not changed:
        raise Lost("This job is no longer ours to finish.")
    if job.reservation_id is not None:
        reservations.give_back([job.reservation_id])


def failed(job: Job, sentence: str, *, log: str = "", site_fault: bool = False) -> bool:
    """Close a job that cannot succeed; False when it was no longer ours.

    The recording is `failed` only when it has no rendition; a former one goes on being served.
    """

    def finish() -> bool:
        with locked([job.recording_id or 0]) as found:
            try:
                close(
                    job,
                    Job.State.FAILED,
                    error=sentence,
                    log=log[-LOG_LENGTH:],
                    site_fault=site_fault,
                )
            except Lost:
                return False
            for recording in found:
                _fall_back(job, recording, Recording.State.FAILED)
                if job.first and site_fault:
                    _stop_clock(recording)
                elif _is_ruled(job, recording):
                    _apply_rule(
                        SourceRule.Event.FAILED, recording, held=bool(held_among([recording]))
                    )
            return True

    return retried(finish)


def cancelled(job: Job, *, waiting: bool = False) -> bool:
    """Close a job its owner stopped; False when it was no longer ours, or (waiting) had begun."""

    def finish() -> bool:
        with locked([job.recording_id or 0]) as found:
            states = [Job.State.QUEUED] if waiting else Job.OPEN
            if not Job.objects.filter(pk=job.pk, state__in=states).select_for_update().exists():
                return False
            try:
                close(job, Job.State.CANCELLED)
            except Lost:
                return False
            for recording in found:
                _fall_back(job, recording, Recording.State.CANCELLED)
                if _is_ruled(job, recording):
                    _apply_rule(
                        SourceRule.Event.CANCELLED, recording, held=bool(held_among([recording]))
                    )
            return True

    return retried(finish)


def rule_of_cancelling(recording: Recording) -> SourceRule | None:
    """Return the rule that takes the original when the work on a recording is cancelled.

    None where it stays or nothing is under way. The recording came `with_files().with_held()`.
    """
    job = recording.newest_job
    if job is None or job.finished_at is not None or not _is_ruled(job, recording):
        return None
    if recording.is_held or all(file.kind != Kind.ORIGINAL for file in recording.current_files):
        return None
    rule = SourceRule.objects.filter(event=SourceRule.Event.CANCELLED).first()
    return rule if rule is not None and rule.removes else None


def _is_ruled(job: Job, recording: Recording) -> bool:
    """Whether a source rule says what becomes of the original when the job ends in vain."""
    if not job.first or recording.trashed_at is not None:
        return False
    # A closing stops the job instead of its owner, and has plans for the original.
    closing = Account.objects.filter(owner_id=recording.owner_id, closing_since__isnull=False)
    return not closing.exists()


def _fall_back(job: Job, recording: Recording, state: Recording.State) -> None:
    recording.state = job.former_state or state
    recording.save(update_fields=["state"])


def remove_due_originals() -> int:
    """Carry out the deadlines that source rules stamped; return how many originals went.

    Passes over what is held, in the trash or being processed, and what has nothing else to be
    watched from, for as long as that is so; over all while the clock is in doubt.
    """
    if clock.look():
        return 0
    free = Recording.objects.live().not_held().exclude(jobs__in=Job.objects.open())
    due = RecordingFile.objects.due_originals().filter(recording__in=free)
    return _for_each_recording(due, _remove_due)


def _for_each_recording(files: QuerySet[RecordingFile], work: Callable[[int], int]) -> int:
    """Do the work for each recording that has one of these; one that fails stops no other."""
    pks = files.order_by("recording_id").values_list("recording_id", flat=True).distinct()
    count = last = 0
    while page := list(pks.filter(recording_id__gt=last)[:BATCH_SIZE]):
        for pk in page:
            try:
                count += retried(partial(work, pk))
            except Exception:
                logger.exception("files of recording %s could not be let go", pk)
        last = page[-1]
    return count


def _remove_due(pk: int) -> int:
    """Decide again under the locks; what was found free may not be so any more."""
    with locked([pk]) as found:
        if not found or found[0].trashed_at is not None or found[0].open_job is not None:
            return 0
        files = list(found[0].files.due_originals())
        if not files or held_among(found) or _is_all_there_is(found[0]):
            return 0
        _let_go(files, reason=StoredFile.Reason.SOURCE_RULE, by=files[0].leaves_because)
        return 1


def remove_superseded() -> int:
    """Let go of renditions that were replaced under a hold which is over; return how many went."""
    free = Recording.objects.not_held()
    rows = RecordingFile.objects.superseded().filter(kind__in=REPLACED_AT_ONCE, recording__in=free)
    return _for_each_recording(rows, _remove_superseded)


def _remove_superseded(pk: int) -> int:
    with locked([pk]) as found:
        if not found or held_among(found):
            return 0
        files = list(found[0].files.superseded().filter(kind__in=REPLACED_AT_ONCE))
        _let_go(files, reason=StoredFile.Reason.REPLACED, by="processing")
        return len(files)


def _is_all_there_is(recording: Recording) -> bool:
    return recording.state == Recording.State.READY and not _has_rendition(recording)


def _has_rendition(recording: Recording) -> bool:
    kind = Kind.TRIMMED if recording.width else Kind.AUDIO
    rendition = recording.file(kind)
    return rendition is not None and rendition.stored.state == StoredFile.State.READY
