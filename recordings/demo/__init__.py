"""One recording for a site's first start, so that there is something to look at.

Drawn and voiced by the project itself, taken in like any upload and processed by the worker.
"""

from __future__ import annotations

import logging
from typing import Any

from recordings.demo import film, lecture
from recordings.ledger.exceptions import LedgerError
from recordings.ledger.models import Receipt, StoredFile
from recordings.models import Recording
from recordings.processing.captions import write_srt
from recordings.processing.exceptions import ProcessingError
from recordings.processing.scratch import scratch
from recordings.uploads.details import Details
from recordings.uploads.intake import Intake

logger = logging.getLogger(__name__)

CHUNK = 1024 * 1024


def ensure(user: Any) -> None:
    """Make the demo recording of a user who never had any; a site without it starts as well."""
    if _had_any(user):
        return
    try:
        _make(user)
    except (LedgerError, ProcessingError) as error:
        logger.warning("the demo recording was not made: %s", error)


def _had_any(user: Any) -> bool:
    """Tell whether the user has a recording or had one: a receipt stays when all else is gone."""
    return (
        Recording.objects.filter(owner=user).exists()
        or StoredFile.objects.filter(owner_id=user.pk).exists()
        or Receipt.objects.filter(owner_id=user.pk).exists()
    )


def _make(user: Any) -> Recording:
    details = Details(
        title=lecture.TITLE,
        description=lecture.DESCRIPTION,
        language=lecture.LANGUAGE,
        captions=write_srt(lecture.Script.load().said),
    )
    with scratch(user.pk, 0, "mp4") as place:
        video = film.make(place.work)
        with Intake(user, name=video.name) as intake, video.open("rb") as file:
            while chunk := file.read(CHUNK):
                intake.write(chunk)
            return intake.finish(details)
