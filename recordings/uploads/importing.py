"""The work of an import: a stranger's file, through an `Intake`, to a recording or to nothing.

A worker that dies leaves what any upload leaves: a file in state `writing` and a recording that is
`uploading`, which recovery removes; the job is put back and begins anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Final

from django.contrib.auth import get_user_model

from recordings.ledger.exceptions import Lost, QuotaExceeded
from recordings.ledger.models import Account
from recordings.models import Recording
from recordings.processing import jobs, outcome
from recordings.processing.exceptions import Cancelled, MediaError
from recordings.processing.models import Job
from recordings.processing.watchdog import Watchdog
from recordings.uploads import imports
from recordings.uploads.details import Details
from recordings.uploads.exceptions import NoLongerWanted, NotMedia, UploadRefused
from recordings.uploads.intake import Intake, refuse_too_large
from recordings.uploads.web import Download, download

PIECE: Final = 1024 * 1024
LOOK_SECONDS: Final = 2.0  # between looks whether the recording is still wanted


def fetch(job: Job, watchdog: Watchdog) -> None:
    """Do a claimed job of importing. Raises what keeps it from its end; see `work`."""
    try:
        imports.refuse_when_off()
        owner = _owner(job)
        watchdog.enter("connect")
        with download(job.options["url"], stop=watchdog.stop) as file:
            _take(job, owner, file, watchdog)
    except UploadRefused as error:
        raise MediaError(str(error)) from error


def _owner(job: Job) -> Any:
    owner = get_user_model()._default_manager.filter(pk=job.owner_id, is_active=True).first()
    if owner is None:
        raise MediaError("The account that asked for this is closed.")
    return owner


def _take(job: Job, owner: Any, file: Download, watchdog: Watchdog) -> None:
    _refuse_at_once(owner, file)
    watchdog.enter("download")
    with Intake(owner, name=file.name) as intake:
        intake.expect(file.length or 0, process=True)
        try:
            _copy(file, intake, watchdog)
            watchdog.enter("store")
            details = Details(title=job.options.get("title", ""))
            intake.finish(details, close=partial(_close, job))
        except NotMedia as error:
            if file.is_page:
                raise MediaError(
                    "This address leads to a web page, not to a file: give the address of the "
                    "video or audio file itself."
                ) from error
            raise
        except (Lost, NoLongerWanted):
            _refuse_when_gone(intake)
            raise


def _close(job: Job, recording: Recording) -> None:
    """Close the job in the transaction that shows its recording. Raises Lost."""
    outcome.still_ours(job, [recording])
    outcome.close(job, Job.State.SUCCEEDED, recording=recording, step="", progress=100)


def _refuse_at_once(owner: Any, file: Download) -> None:
    """Refuse by the length alone what there is no room for; the true room is reserved later."""
    if file.length is None:
        return
    refuse_too_large(file.length)
    account = Account.objects.of(owner.pk)
    needed = file.length + jobs.estimate(file.length)
    if account.available is not None and needed > account.available:
        used = account.used + account.reserved
        raise QuotaExceeded(used=used, limit=account.limit_bytes or 0, needed=needed)


def _copy(file: Download, intake: Intake, watchdog: Watchdog) -> None:
    count, looked = 0, time.monotonic()
    for piece in gathered(_counted(file.chunks(), watchdog)):
        if watchdog.stop.is_set():
            raise Cancelled
        count += len(piece)
        _write(piece, count, intake)
        if intake.publication and intake.publication not in watchdog.publications:
            watchdog.publications.append(intake.publication)
        watchdog.reach(count * 100 // file.length if file.length else 0)
        if time.monotonic() - looked > LOOK_SECONDS:
            _refuse_when_gone(intake)
            looked = time.monotonic()


def _counted(chunks: Iterable[bytes], watchdog: Watchdog) -> Iterator[bytes]:
    """Note how much came in: where its length is unknown there is nothing else to tell."""
    watchdog.received = 0
    for chunk in chunks:
        watchdog.received += len(chunk)
        yield chunk


def _write(piece: bytes, count: int, intake: Intake) -> None:
    """Say of a file that outgrows the quota how large it is so far, not by how much it grew."""
    try:
        intake.write(piece)
    except QuotaExceeded as error:
        own = intake.publication.stored.reserved if intake.publication else 0
        raise QuotaExceeded(used=error.used - own, limit=error.limit, needed=count) from error


def gathered(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Put what comes in crumbs together, since room is made for each piece by itself."""
    held = bytearray()
    for chunk in chunks:
        held += chunk
        if len(held) >= PIECE:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


def _refuse_when_gone(intake: Intake) -> None:
    """Tell what its owner deleted while it came in from what recovery took for dead.

    Raises MediaError for that, and Lost for this: recovery takes the file before the recording.
    """
    if intake.recording_id is None:
        return
    found = list(Recording.objects.filter(pk=intake.recording_id).values("trashed_at"))
    if found == [{"trashed_at": None}]:
        return
    if not found and intake.publication is not None:
        intake.publication.renew()
    raise MediaError("The recording was deleted while it was being imported.")
