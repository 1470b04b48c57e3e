"""Everything of an owner that leaves soon, for his pages: each line as its own page tells it.

Recordings, and what lives too short for a mail beforehand: final videos and unfinished uploads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from recordings import periods
from recordings.ledger.names import Kind
from recordings.models import Recording, RecordingFile
from retention import leaving, promises, unfinished
from retention.choices import Action
from retention.leaving import AHEAD
from retention.models import RetentionPolicy
from retention.targets.finals import Finals
from retention.targets.uploads import unfinished as unfinished_uploads


@dataclass(frozen=True, slots=True)
class Departure:
    """One line: of which recording, when, and why; `what` goes is empty where that goes itself."""

    recording_id: int
    title: str
    what: str
    leaves_at: datetime
    why: str


def first_of(owner_id: int, *, at: datetime, most: int) -> list[Departure]:
    """Return the first `most` that leave an owner within AHEAD, by date."""
    found = [
        *_recordings(owner_id, at, most),
        *_uploads(owner_id, at, most),
        *_finals(owner_id, at, most),
    ]
    return sorted(found, key=lambda one: (one.leaves_at, one.recording_id))[:most]


def dates(recordings: Sequence[Recording], at: datetime) -> dict[int, datetime]:
    """Tell when those of these leave that leave within AHEAD, in the same queries for any page."""
    coming = [one for one in recordings if one.state == Recording.State.UPLOADING]
    whole = [one for one in recordings if one.state != Recording.State.UPLOADING]
    taken = leaving.soonest(whole, leaving.dated_policies(at), at)
    found = {one.recording_id: one.leaves_at for one in taken}
    found |= {pk: one.leaves_at for pk, one in unfinished.endings(coming, at).items()}
    return {pk: when for pk, when in found.items() if when <= at + AHEAD}


def _recordings(owner_id: int, at: datetime, most: int) -> Iterator[Departure]:
    for one in leaving.first_of(owner_id, at=at, most=most):
        yield Departure(one.recording_id, one.facts.name, "", one.leaves_at, _why(one.policy))


def _uploads(owner_id: int, at: datetime, most: int) -> Iterator[Departure]:
    rows = unfinished_uploads().filter(owner_id=owner_id).live()
    dated = rows.filter(upload__finished_at=None, upload__expires_at__isnull=False)
    coming = {one.pk: one for one in dated.order_by("upload__expires_at", "pk")[:most]}
    for pk, one in unfinished.endings(list(coming.values()), at).items():
        if one.leaves_at <= at + AHEAD:
            why = _why(one.policy) if one.policy else _("nothing more came of it (for ever)")
            yield Departure(pk, coming[pk].title, _("unfinished upload"), one.leaves_at, why)


def _finals(owner_id: int, at: datetime, most: int) -> Iterator[Departure]:
    policy = promises.shortest(Finals.slug)
    if policy is None:
        return
    free = Recording.objects.filter(owner_id=owner_id).live().not_held().not_kept(at)
    files = RecordingFile.objects.current().filter(kind=Kind.FINAL, recording__in=free.values("pk"))
    soon = list(files.order_by("created_at", "pk")[:most])
    recordings = free.with_held().in_bulk({file.recording_id for file in soon})
    for file in soon:
        if file.recording_id not in recordings:  # held, kept or gone meanwhile
            continue
        file.recording = recordings[file.recording_id]
        when = periods.final_leaves_at(file, policy.rules().max_age)
        if when is not None and when <= at + AHEAD:
            what, title = _("final video"), file.recording.title
            yield Departure(file.recording_id, title, what, max(when, at), _why(policy))


def _why(policy: RetentionPolicy) -> str:
    how = {Action.TRASH: _("to the trash"), Action.ARCHIVE: _("to the archive")}
    said = {"policy": policy.name, "how": how.get(Action(policy.action), _("for ever"))}
    return _("%(policy)s (%(how)s)") % said
