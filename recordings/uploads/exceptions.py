"""Why an upload is not taken; each says it in a sentence and how the web names it."""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar


class UploadRefused(Exception):
    """What arrived cannot become a recording; nothing of it is kept."""

    status: ClassVar[int] = HTTPStatus.BAD_REQUEST
    code: ClassVar[str] = "invalid_upload"


class NoFile(UploadRefused):
    """The request carries no file."""

    code = "missing_file"


class EmptyFile(UploadRefused):
    """The file has no bytes."""

    code = "empty_file"


class NotMedia(UploadRefused):
    """The first bytes are those of no container we know."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "not_media"


class TooLarge(UploadRefused):
    """More bytes than the site, or one part of a request, may have."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "too_large"


class NoLength(UploadRefused):
    """The body comes in chunks of unknown number, so no room could be made for it."""

    status = HTTPStatus.LENGTH_REQUIRED
    code = "length_required"


class CutShort(UploadRefused):
    """The connection ended before the last byte."""

    code = "cut_short"


class ImportsDisabled(UploadRefused):
    """The administrator has not allowed the site to fetch from addresses."""

    status = HTTPStatus.FORBIDDEN
    code = "imports_disabled"


class TooManyImports(UploadRefused):
    """As many imports as one owner may have wait or run already."""

    status = HTTPStatus.CONFLICT
    code = "too_many_imports"


class NoLongerWanted(UploadRefused):
    """The recording was removed while its file was still coming in."""

    status = HTTPStatus.CONFLICT
    code = "cancelled"


class Resuming(UploadRefused):
    """A request about a resumable upload that cannot be followed; what came before stays."""


class Locked(Resuming):
    """Another request is writing."""

    status = HTTPStatus.LOCKED
    code = "locked"


class WrongOffset(Resuming):
    """The bytes do not begin where those that are here end."""

    status = HTTPStatus.CONFLICT
    code = "wrong_offset"


class Expired(Resuming):
    """Nothing came for too long, or what had come is gone."""

    status = HTTPStatus.GONE
    code = "expired"


class WrongChecksum(Resuming):
    """The bytes are not those whose checksum was sent; none of them counts."""

    status = 460  # of tus, not of HTTP
    code = "checksum_mismatch"
