"""Find out which pictures of a folder are copies of templates, as sites make that copy them.

Reads and reports; nothing is changed. A picture is a copy when its bytes are a template's, or when
it looks the same: both brought to a few pixels differ by less than an eye notices.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from recordings.ledger import unlink
from thumbnails import derive
from thumbnails.exceptions import Busy, PictureRefused, PictureTooLarge
from thumbnails.models import ThumbnailTemplate
from thumbnails.sandbox import render

CHUNK: Final = 1024 * 1024
LOOK: Final = {"size": [48, 27], "fit": "cover", "grow": True, "format": "RAW"}
# Of 255, on average over all pixels and at most in one; JPEG at half quality stays below.
ALIKE_MEAN, ALIKE_MOST = 4.0, 48


@dataclass(frozen=True, slots=True)
class Found:
    """One file.

    `how` is `same bytes`, `looks the same`, `its own`, `no picture`, `too large to compare` or
    `unreadable`.
    """

    name: str
    size: int
    how: str
    template: str = ""  # its slug

    @property
    def is_copy(self) -> bool:
        return bool(self.template)


def compare(folder: Path) -> Iterator[Found]:
    """Compare every file below a folder with every template, following no link.

    What cannot be read is told and does not end it. Raises LedgerError and OSError for the
    templates and the folder itself.
    """
    templates = list(ThumbnailTemplate.objects.select_related("stored").order_by("position"))
    digests = {template.stored.sha256: template.slug for template in templates}
    looks = {one.slug: render(LOOK, derive.chunks(one.stored)) for one in templates}
    closed: list[OSError] = []
    for file in unlink.walk(folder, on_error=closed.append):
        try:
            how, slug = _compared(folder / file.name, digests, looks)
        except (OSError, Busy):  # Busy: it took too long
            how, slug = "unreadable", ""
        yield Found(file.name, file.size, how, slug)
    for error in closed:
        yield Found(str(error.filename), 0, "unreadable")


def _compared(path: Path, digests: dict[str, str], looks: dict[str, bytes]) -> tuple[str, str]:
    """Return how a file was compared, and the slug of the template it is a copy of."""
    digest = hashlib.sha256()
    for piece in _pieces(path):
        digest.update(piece)
    if slug := digests.get(digest.hexdigest()):
        return "same bytes", slug
    try:
        look = render(LOOK, _pieces(path))
    except PictureTooLarge:
        return "too large to compare", ""
    except PictureRefused:
        return "no picture", ""
    alike = min(looks, key=lambda slug: _distance(look, looks[slug])[0], default="")
    if alike and _is_alike(look, looks[alike]):
        return "looks the same", alike
    return "its own", ""


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(partial(file.read, CHUNK), b"")


def _distance(one: bytes, other: bytes) -> tuple[float, int]:
    """Return by how much two looks differ on average, and at most."""
    apart = [abs(first - second) for first, second in zip(one, other, strict=True)]
    return sum(apart) / len(apart), max(apart)


def _is_alike(one: bytes, other: bytes) -> bool:
    mean, most = _distance(one, other)
    return mean <= ALIKE_MEAN and most <= ALIKE_MOST
