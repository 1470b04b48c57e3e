"""thumbnails/editing.py: choose a template, make a picture of one's own, go back.

Own pictures are somebody's work, and they go when they are replaced, so a mistake is dear. What
keeps it safe:

- a new picture is stored, hashed and verified before the former one is let go, in one transaction
  under the locks that holds are placed under;
- whoever asks has seen whose the recording is: it is asked again under the lock, so nobody changes
  the picture of one that has changed hands since;
- what goes, goes through `release`: a hold refuses it, and nothing has changed then;
- choosing a template writes no bytes, so it cannot fail for lack of room.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from recordings import tasks, trash
from recordings.ledger import names
from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.publish import Publication, first_free
from recordings.ledger.release import release
from recordings.ledger.transactions import retried
from recordings.models import Recording
from thumbnails import derive
from thumbnails.exceptions import CannotEdit, NotTheirs
from thumbnails.models import OwnerDefault, Thumbnail, ThumbnailTemplate


def choose(seen: Recording, template: ThumbnailTemplate, *, by: str) -> None:
    """Show a template; a picture of one's own goes. Raises CannotEdit, Held."""

    def work() -> None:
        with locked(seen) as recording:
            row = Thumbnail.objects.filter(recording=recording).select_related("stored").first()
            Thumbnail.objects.update_or_create(
                recording=recording,
                defaults={"template": template, "stored": None, "changed_at": Now()},
            )
            _let_go(row, by=by)

    retried(work)
    tasks.purge_soon()


def back(seen: Recording, *, by: str) -> None:
    """Forget choice and picture: the poster frame or a default shows again. Raises as `choose`."""

    def work() -> None:
        with locked(seen) as recording:
            if row := Thumbnail.objects.filter(recording=recording).first():
                if row.stored_id:  # by name; deleting the row would release it by nobody
                    release([row.stored_id], reason=StoredFile.Reason.DELETED, by=by)
                row.delete()

    retried(work)
    tasks.purge_soon()


def set_own(
    seen: Recording, png: bytes, *, by: str, template: ThumbnailTemplate | None = None
) -> None:
    """Give a recording a picture of its own, in its owner's quota.

    `template` is what it was made from; without one it can go back to the template that was there
    before. Raises CannotEdit, Held, QuotaExceeded, AccountClosed and what storage raises; nothing
    is left behind then.
    """
    numbers = iter(lambda: retried(partial(_take_number, seen)), None)
    with first_free(numbers, partial(_begin, seen, len(png)))[0] as publication:
        publication.write(png)
        publication.finish()
        retried(partial(_show, seen, publication, template, by))
    tasks.purge_soon()


def _take_number(seen: Recording) -> int:
    with locked(seen) as recording:
        return recording.take_number(Kind.THUMBNAIL)


def _begin(seen: Recording, size: int, number: int) -> Publication:
    return Publication.begin(
        name=names.of_kind(Kind.THUMBNAIL, seen.owner_id, seen.pk, number),
        kind=Kind.THUMBNAIL,
        owner_id=seen.owner_id,
        recording_id=seen.pk,
        size=size,
    )


def _show(
    seen: Recording, publication: Publication, template: ThumbnailTemplate | None, by: str
) -> None:
    with locked(seen) as recording:
        former = Thumbnail.objects.filter(recording=recording).select_related("stored").first()
        defaults = {"stored": publication.settle(), "changed_at": Now()}
        if template:
            defaults["template"] = template
        Thumbnail.objects.update_or_create(recording=recording, defaults=defaults)
        _let_go(former, by=by)


def _let_go(former: Thumbnail | None, *, by: str) -> None:
    """Release the picture that a row showed before. Raises Held."""
    if former and former.stored:
        release([former.stored.pk], reason=StoredFile.Reason.REPLACED, by=by)
        transaction.on_commit(partial(derive.forget, former.stored), robust=True)


def release_own(stored_id: int | None) -> None:
    """Release the picture of a row that is gone. Raises Held."""
    for stored in StoredFile.objects.filter(pk=stored_id or 0):
        release([stored.pk], reason=StoredFile.Reason.DELETED)
        transaction.on_commit(partial(derive.forget, stored), robust=True)


@contextmanager
def locked(seen: Recording) -> Iterator[Recording]:
    """Lock a recording that still has the owner it was seen with. Raises CannotEdit, NotTheirs.

    Between seeing and this lie a picture's decoding and storing, in which it can change hands.
    """
    with trash.locked([seen.pk], of=seen.owner_id) as found:
        if not found:
            raise NotTheirs
        if found[0].trashed_at is not None:
            raise CannotEdit(_("This recording is in the trash: restore it first."))
        yield found[0]


def choices(recording: Recording) -> QuerySet[Thumbnail]:
    """What the archive keeps as a row: a chosen template, of which there is no file."""
    return Thumbnail.objects.filter(recording=recording, stored=None)


def set_default(owner_id: int, template: ThumbnailTemplate | None) -> None:
    """Say what an owner's recordings show that have neither a choice nor a poster frame.

    None: the site's default.
    """
    if template is None:
        OwnerDefault.objects.filter(owner_id=owner_id).delete()
    else:
        OwnerDefault.objects.update_or_create(owner_id=owner_id, defaults={"template": template})
