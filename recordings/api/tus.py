"""What tus 1.0 (https://tus.io/protocols/resumable-upload) says in headers, read and written."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Iterator
from typing import Any, Final

from django.http import HttpRequest, QueryDict
from django.http.request import UnreadablePostError
from django.utils.http import http_date

from recordings.uploads import intake
from recordings.uploads.exceptions import NoLength, TooLarge, UploadRefused
from recordings.uploads.models import ResumableUpload
from recordings.uploads.receiving import ALGORITHMS

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,termination,checksum,expiration"
OFFSET_STREAM: Final = "application/offset+octet-stream"
STEP: Final = 16 * 1024  # a broken connection costs at most so much
SLOWEST, GRACE_SECONDS = 1024, 30  # bytes a second, after a while; looked at after each STEP
SILENCE_SECONDS: Final = 10  # after any byte; who resumes where a line fell silent waits so long
LONGEST_METADATA: Final = 8 * 1024


def capabilities() -> dict[str, str]:
    """Answer OPTIONS."""
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        "Tus-Max-Size": str(intake.largest_file()),
    }


def state_of(upload: ResumableUpload) -> dict[str, str]:
    """Say how far an upload is, and where it led or until when it can go on."""
    said = {"Upload-Offset": str(upload.offset)}
    if upload.finished_at is None:
        said["Upload-Expires"] = http_date(upload.expires_at.timestamp())
    else:
        said["Recording-Id"] = str(upload.recording_id)
    return said


def number(request: HttpRequest, header: str) -> int:
    """Read a size in bytes. Raises UploadRefused."""
    text = request.headers.get(header, "")
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise UploadRefused(f"Say in {header} how many bytes, as a whole number.")
    return int(text)


def length(request: HttpRequest) -> int:
    """Read how long a new upload will be. Raises UploadRefused."""
    if "Upload-Defer-Length" in request.headers:
        raise UploadRefused("Say the length of the file in Upload-Length; it cannot come later.")
    return number(request, "Upload-Length")


def body_size(request: HttpRequest) -> int:
    """Read how many bytes this request brings. Raises NoLength."""
    if "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
        raise NoLength("Say in Content-Length how long the body is; chunks do not tell.")
    text = str(request.META.get("CONTENT_LENGTH") or "0")
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise NoLength("Say in Content-Length how long the body is.")
    return int(text)


def metadata(text: str) -> QueryDict:
    """Read `name base64,name base64`. Raises UploadRefused."""
    if len(text) > LONGEST_METADATA:
        raise TooLarge(f"Upload-Metadata may have at most {LONGEST_METADATA} characters.")
    found = QueryDict(mutable=True)
    for pair in filter(None, (one.strip() for one in text.split(","))):
        name, _, value = pair.partition(" ")
        if not name.isascii() or name in found:
            raise UploadRefused("Names in Upload-Metadata are ASCII, and each comes once.")
        found[name] = _decoded(name, value.strip())
    return found


def _decoded(name: str, value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (ValueError, binascii.Error) as error:
        raise UploadRefused(f"Upload-Metadata: {name} is not text in base64.") from error


def chunks(request: HttpRequest) -> Iterator[bytes]:
    """Yield the body as it comes, up to where the connection ends or falls silent.

    A step is read as a whole, so a client that sends a byte now and then is borne until it is full.
    Its claim lapses meanwhile, and others go on, but for a part on a disk, which it keeps locked.
    """
    connection: Any = request.META.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(SILENCE_SECONDS)  # gunicorn resets this for the next request
    began, count = time.monotonic(), 0
    try:
        while chunk := request.read(STEP):
            yield chunk
            count += len(chunk)
            spent = time.monotonic() - began
            if spent > GRACE_SECONDS and count < SLOWEST * spent:
                return  # a trickle would keep others from going on
    except UnreadablePostError:
        return
