"""What the targets made of single files of recordings share.

Not a target itself. A file is deleted only from a recording that no hold, no mark to keep and no
job protects, and that is not in the trash, from where it has to come back whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import attrgetter

from django.db.models import QuerySet

from recordings.models import Recording, RecordingFile
from recordings.trash import locked
from retention.decide import Facts
from retention.models import RetentionPolicy
from retention.targets import library
from retention.targets.base import Result, Work, remove_rows
from retention.targets.measures import Measure

Files = QuerySet[RecordingFile]


def candidates(
    policy: RetentionPolicy, rows: Files, at: datetime, *, column: str
) -> Iterator[list[Facts]]:
    """Find files in the policy's scope; their age counts from `column`."""
    latest = library.cutoff(policy, at)
    old = in_scope(policy, rows).filter(**{f"{column}__lte": latest})
    for batch in library.batches(old):
        yield gather(batch, attrgetter(column))


def in_scope(policy: RetentionPolicy, rows: Files) -> Files:
    recordings = library.in_scope(policy, Recording.objects.live())
    return rows.filter(recording__in=recordings).select_related("recording", "stored")


def gather(
    files: Sequence[RecordingFile],
    counted_from: Callable[[RecordingFile], datetime | None],
    measures: Mapping[int, Measure] = library.UNMEASURED,
) -> list[Facts]:
    """Gather what decides about files, in two queries."""
    blockers = library.blockers([file.recording for file in files])
    return [
        Facts(
            name=str(file.stored.file.name),
            id=file.pk,
            recording_id=file.recording_id,
            owner_id=file.recording.owner_id,
            size=file.stored.size,
            counted_from=counted_from(file),
            blockers=blockers[file.recording_id],
            **measures.get(file.pk, Measure())._asdict(),
        )
        for file in files
    ]


def remove(work: Work, rows: Files, *, column: str) -> dict[int | str, Result]:
    """Lock the recordings of a batch and release the files that are still due."""
    wanted = rows.filter(pk__in=work.keys)
    with locked(set(wanted.values_list("recording_id", flat=True))) as found:
        recordings = [recording.pk for recording in found]
        files = list(in_scope(work.policy, wanted).filter(recording__in=recordings))
        by_id = {file.pk: file for file in files}

        def give_up(pks: list[int]) -> None:
            library.let_go([by_id[pk] for pk in pks], by=work.by)

        return remove_rows(work, gather(files, attrgetter(column)), give_up)
