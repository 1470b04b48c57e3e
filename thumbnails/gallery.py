"""The shared templates: drawn and stored once, added, replaced and retired in the admin."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from recordings import tasks
from recordings.ledger import names
from recordings.ledger.exceptions import NameTaken
from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.publish import Publication
from recordings.ledger.release import release
from recordings.ledger.transactions import retried
from thumbnails import derive, drawings
from thumbnails.exceptions import CannotEdit
from thumbnails.models import ThumbnailTemplate
from thumbnails.resolve import SIZES

AS_STORED: Final = {"size": SIZES["player"], "fit": "cover", "grow": True, "format": "PNG"}
LAST: Final = 1_000_000  # position, far from where the column of a database ends
TRIES: Final = 1000  # numbers of a name that former templates may have used up


def ensure() -> int:
    """Draw and store the shipped templates that were never there; return how many those were.

    What an administrator replaced, renamed or retired stays as it is.
    """
    there = set(ThumbnailTemplate.objects.values_list("slug", flat=True))
    missing = [drawing for drawing in drawings.ALL if drawing.slug not in there]
    made = sum(_ship(drawing) for drawing in missing)
    first = ThumbnailTemplate.objects.offered().first()
    if first and not ThumbnailTemplate.objects.filter(is_site_default=True).exists():
        make_default(first)
    return made


def _ship(drawing: drawings.Drawing) -> bool:
    """Store one; False where another process was faster."""
    try:
        add(drawing.slug, drawing.name, drawing.png())
    except (NameTaken, CannotEdit):
        return False
    return True


def add(slug: str, name: str, png: bytes, *, position: int | None = None) -> ThumbnailTemplate:
    """Add a template, at the end unless its place is said; `png` is one rendered to `AS_STORED`.

    Raises CannotEdit where there is one of this slug, and what storage raises.
    """
    return _store(slug, 1, png, partial(_create, slug, name, position))


def replace(template: ThumbnailTemplate, png: bytes) -> ThumbnailTemplate:
    """Give a template another picture, for everyone who did not edit. Raises as `add`."""
    made = _store(template.slug, template.version + 1, png, partial(_replace, template.pk))
    tasks.purge_soon()
    return made


Settle = Callable[[Publication, int], ThumbnailTemplate]


def _store(slug: str, number: int, png: bytes, settle: Settle) -> ThumbnailTemplate:
    """Publish under the first number that no template of this name ever had."""
    for version in range(number, number + TRIES):
        try:
            publication = Publication.begin(
                name=names.template(slug, version),
                kind=Kind.TEMPLATE,
                owner_id=None,
                recording_id=None,
                size=len(png),
            )
        except NameTaken:
            continue
        with publication:
            publication.write(png)
            publication.finish()
            return retried(partial(_in_transaction, settle, publication, version))
    raise NameTaken(f"Every number for {slug} is used up.")


def _in_transaction(settle: Settle, publication: Publication, version: int) -> ThumbnailTemplate:
    with transaction.atomic():
        return settle(publication, version)


def _create(
    slug: str, name: str, position: int | None, publication: Publication, version: int
) -> ThumbnailTemplate:
    if position is None:
        last = ThumbnailTemplate.objects.aggregate(last=Max("position"))["last"]
        position = 0 if last is None else min(last + 10, LAST)
    stored = publication.settle()
    try:
        return ThumbnailTemplate.objects.create(
            slug=slug, name=name, stored=stored, version=version, position=position
        )
    except IntegrityError as error:
        raise CannotEdit(
            _("There is a template %s already: choose another name or replace it.") % slug
        ) from error


def _replace(pk: int, publication: Publication, version: int) -> ThumbnailTemplate:
    template = ThumbnailTemplate.objects.select_for_update().get(pk=pk)
    former = template.stored
    template.stored, template.version = publication.settle(), version
    template.save(update_fields=["stored", "version"])
    release([former.pk], reason=StoredFile.Reason.REPLACED, by="the gallery")
    transaction.on_commit(partial(derive.forget, former), robust=True)
    return template


def retire(template: ThumbnailTemplate) -> bool:
    """Take a template out of the gallery; False when it was. Raises CannotEdit."""
    mine = ThumbnailTemplate.objects.filter(pk=template.pk, retired_at=None)
    if mine.filter(is_site_default=True).exists():
        raise CannotEdit(
            _("“%s” is the site's default: make another one the default first.") % template
        )
    return bool(mine.filter(is_site_default=False).update(retired_at=Now()))


def offer_again(template: ThumbnailTemplate) -> bool:
    rows = ThumbnailTemplate.objects.filter(pk=template.pk, retired_at__isnull=False)
    return bool(rows.update(retired_at=None))


def make_default(template: ThumbnailTemplate) -> None:
    """Show it wherever there is nothing else. Raises CannotEdit for a retired one."""

    def work() -> None:
        with transaction.atomic():
            # All of them, in one order: of two that do this at once the later one waits.
            list(ThumbnailTemplate.objects.select_for_update().order_by("pk"))
            ThumbnailTemplate.objects.filter(is_site_default=True).update(is_site_default=False)
            mine = ThumbnailTemplate.objects.filter(pk=template.pk, retired_at=None)
            if not mine.update(is_site_default=True):
                raise CannotEdit(_("“%s” is retired: offer it again first.") % template)

    retried(work)
