"""What can be wrong with a picture or an edit; each says it in a sentence."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from recordings.api.errors import NOT_FOUND
from recordings.ledger.exceptions import LedgerError, StorageFault


class PictureRefused(LedgerError):
    """The bytes are no picture that the site takes."""


class PictureTooLarge(PictureRefused):
    """The file has more bytes than a picture may have."""


class CannotEdit(LedgerError):
    """This thumbnail or template cannot be changed that way now."""


class NotTheirs(CannotEdit):
    """The recording is gone, or has another owner than when it was asked for."""

    def __str__(self) -> str:
        return NOT_FOUND


class Busy(LedgerError):
    """All places for decoding stayed taken; a little later one is free."""


class DecoderFault(LedgerError):
    """The site's own program for pictures or frames failed; its log says how."""


# Not the asker's to mend, and it may pass by itself.
OF_THE_SITE: Final = (Busy, DecoderFault, StorageFault)

# What the API answers; the first that fits.
ANSWERS: Final[dict[type[Exception], tuple[int, str]]] = {
    PictureTooLarge: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large"),
    PictureRefused: (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not_a_picture"),
    NotTheirs: (HTTPStatus.NOT_FOUND, "not_found"),
    CannotEdit: (HTTPStatus.CONFLICT, "cannot_edit"),
    Busy: (HTTPStatus.SERVICE_UNAVAILABLE, "busy"),
    DecoderFault: (HTTPStatus.SERVICE_UNAVAILABLE, "decoder_fault"),
}
