"""The shared templates: drawn and stored once, added, replaced and retired in the admin."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now

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
from thumbnails.sandbox import render

FORM: Final = {"size": SIZES["player"], "fit": "cover", "grow": True, "format": "PNG"}
TRIES: Final = 1000  # numbers of a name that former templates may have used up


def ensure() -> int:
    """Draw and store the shipped templates that were never there; return how many those were.

    What an administrator replaced, renamed or retired stays as it is.
    """
    there = set(ThumbnailTemplate.objects.values_list("slug", flat=True))
    missing = [drawing for drawing in drawings.ALL if drawing.slug not in there]
    made = sum(_ship(drawing) for drawing in missing)
    if not ThumbnailTemplate.objects.filter(is_site_default=True).exists():
        first = ThumbnailTemplate.objects.offered().first()
        if first:
            make_default(first)
    return made


def _ship(drawing: drawings.Drawing) -> bool:
    """Store one; False where another process was faster."""
    try:
        _store(drawing.slug, 1, drawing.png(), partial(_create, drawing.slug, drawing.name))
    except (NameTaken, CannotEdit):
        return False
    return True


def add(slug: str, name: str, picture: Iterable[bytes]) -> ThumbnailTemplate:
    """Add a template at the end. Raises CannotEdit, PictureRefused and what storage raises."""
    return _store(slug, 1, render(FORM, picture), partial(_create, slug, name))


def replace(template: ThumbnailTemplate, picture: Iterable[bytes]) -> ThumbnailTemplate:
    """Give a template another picture, for everyone who did not edit. Raises as `add`."""
    png = render(FORM, picture)
    return _store(template.slug, template.version + 1, png, partial(_replace, template.pk))


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
            made = retried(partial(_in_transaction, settle, publication, version))
        transaction.on_commit(tasks.purge.delay, robust=True)
        return made
    raise NameTaken(f"Every number for {slug} is used up.")


def _in_transaction(settle: Settle, publication: Publication, version: int) -> ThumbnailTemplate:
    with transaction.atomic():
        return settle(publication, version)


def _create(slug: str, name: str, publication: Publication, version: int) -> ThumbnailTemplate:
    if ThumbnailTemplate.objects.filter(slug=slug).exists():
        raise CannotEdit(f"There is a template {slug} already: choose another name or replace it.")
    last = ThumbnailTemplate.objects.aggregate(last=Max("position"))["last"]
    return ThumbnailTemplate.objects.create(
        slug=slug,
        name=name,
        stored=publication.settle(),
        version=version,
        position=0 if last is None else last + 10,
    )


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
        raise CannotEdit(f"“{template}” is the site's default: make another one the default first.")
    return bool(mine.filter(is_site_default=False).update(retired_at=Now()))


def offer_again(template: ThumbnailTemplate) -> bool:
    rows = ThumbnailTemplate.objects.filter(pk=template.pk, retired_at__isnull=False)
    return bool(rows.update(retired_at=None))


def make_default(template: ThumbnailTemplate) -> None:
    """Show it wherever there is nothing else. Raises CannotEdit for a retired one."""

    def work() -> None:
        with transaction.atomic():
            ThumbnailTemplate.objects.filter(is_site_default=True).update(is_site_default=False)
            mine = ThumbnailTemplate.objects.filter(pk=template.pk, retired_at=None)
            if not mine.update(is_site_default=True):
                raise CannotEdit(f"“{template}” is retired: offer it again first.")

    retried(work)
