"""A multipart upload as it is read: the file goes to an `Intake`, never to a temporary file."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest, QueryDict
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.http.request import UnreadablePostError

from recordings.models import Recording
from recordings.processing import captions
from recordings.uploads.details import Details
from recordings.uploads.exceptions import CutShort, NoFile, NoLength, TooLarge, UploadRefused
from recordings.uploads.intake import Intake

CHUNK: Final = 1024 * 1024
HEAD: Final = 1024 * 1024  # of the body, in which the head of the file's part is looked for
TAIL: Final = 1024  # of the body, in which the closing boundary has to stand
SILENCE_SECONDS: Final = 60  # of a client in mid-upload; well under the lease of a publication

# Takes the fields read so far, and the captions' bytes, and checks them in its own way.
Clean = Callable[[QueryDict, bytes], Details]


class Tape:
    """The body of a request: counted, its first and last bytes kept."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self.length = _length(request)
        self.count = 0
        self.head = bytearray()
        self._tail = b""
        self._broken = False

    def read(self, size: int) -> bytes:
        """Raises CutShort when the connection ends or falls silent."""
        try:
            chunk: bytes = self._request.read(size)
        except UnreadablePostError as error:
            self._broken = True
            raise CutShort("The connection ended before the file was complete.") from error
        self.count += len(chunk)
        if len(self.head) < HEAD:
            self.head += chunk[: HEAD - len(self.head)]
        self._tail = (self._tail + chunk)[-TAIL:]
        if not chunk and self.count < self.length:
            self._broken = True
        return chunk

    def check_whole(self) -> None:
        """Refuse a body that ended early: the parser takes what it got for a whole file."""
        if self._broken:
            raise CutShort("The connection ended before the file was complete.")

    def check_end(self, boundary: bytes) -> None:
        """Refuse a form that its sender did not close."""
        if self.count < self.length or b"--" + boundary + b"--" not in self._tail:
            raise CutShort("The form ends without its closing boundary; send it again.")

    def file_size(self, boundary: bytes) -> int:
        """Tell the size of the file: exact where its part is the last, else a little more."""
        part = re.compile(rb"--" + re.escape(boundary) + rb"\r\n(.*?)\r\n\r\n", re.DOTALL)
        for match in part.finditer(bytes(self.head)):
            if re.search(rb'[; ]name="?file"?\s*(;|\r|$)', match[1], re.IGNORECASE):
                return max(0, self.length - match.end() - len(boundary) - len(b"\r\n----\r\n"))
        return self.length


class IntakeHandler(FileUploadHandler):
    """Feed the part `file` to an Intake and keep the part `subtitles`; others are passed over."""

    chunk_size = CHUNK

    def __init__(self, owner: Any, tape: Tape, boundary: bytes, clean: Clean) -> None:
        super().__init__()
        self._owner, self._tape, self._boundary, self._clean = owner, tape, boundary, clean
        self.parser: MultiPartParser | None = None
        self.intake: Intake | None = None
        self.subtitles = BytesIO()

    def new_file(self, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:
        super().new_file(field_name, file_name, *args, **kwargs)
        if field_name == "file":
            self._take(file_name)
        elif field_name != "subtitles":
            raise SkipFile

    def _take(self, file_name: str) -> None:
        if self.intake is not None:
            raise UploadRefused("Send one file a request; this one holds several.")
        before: QueryDict = self.parser._post  # type: ignore[union-attr]  # the fields so far
        details = self._clean(before, b"")  # what is wrong already need not wait for the bytes
        self.intake = Intake(self._owner, name=file_name)
        self.intake.expect(
            self._tape.file_size(self._boundary),
            process=details.process if before.get("process") else None,
        )

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if self.field_name == "file":
            assert self.intake is not None
            self.intake.write(raw_data)
        elif self.subtitles.write(raw_data) and self.subtitles.tell() > captions.MOST_BYTES:
            raise TooLarge(f"Captions may have at most {captions.MOST_BYTES // 1024**2} MB.")

    def file_complete(self, file_size: int) -> None:
        return None


def receive(request: HttpRequest, *, owner: Any, clean: Clean) -> Recording:
    """Read an upload from the body of `request` and return its recording.

    Raises what `clean` raises, UploadRefused, QuotaExceeded and the other refusals of the ledger;
    then nothing is left of it. Nothing may have read the body before.
    """
    tape = Tape(request)
    _bound_silence(request)
    boundary = request.content_params.get("boundary", "") if request.content_params else ""
    if request.content_type != "multipart/form-data" or not boundary or not boundary.isascii():
        raise NoFile("Send multipart/form-data with the recording in a field named `file`.")
    handler = IntakeHandler(owner, tape, boundary.encode(), clean)
    try:
        fields = _parse(request, tape, handler)
        tape.check_whole()
        tape.check_end(boundary.encode())
        if handler.intake is None:
            raise NoFile("There is no file: send the recording in a field named `file`.")
        return handler.intake.finish(clean(fields, handler.subtitles.getvalue()))
    finally:
        if handler.intake is not None:
            handler.intake.abandon()


def _parse(request: HttpRequest, tape: Tape, handler: IntakeHandler) -> QueryDict:
    try:
        handler.parser = MultiPartParser(request.META, tape, [handler], request.encoding)  # type: ignore[arg-type]
        fields, _files = handler.parser.parse()
    except RequestDataTooBig as error:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024**2
        raise TooLarge(f"The fields beside the file have more than {most} MB.") from error
    except (MultiPartParserError, SuspiciousOperation) as error:
        tape.check_whole()
        raise UploadRefused(
            "This form cannot be read: it is damaged or has too many parts."
        ) from error
    return fields


def _length(request: HttpRequest) -> int:
    if "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
        raise NoLength("Say in Content-Length how long the body is; chunks do not tell.")
    text = str(request.META.get("CONTENT_LENGTH") or "0")
    return int(text) if text.isdecimal() and len(text) < 19 else 0


def _bound_silence(request: HttpRequest) -> None:
    """Give up on a client that stops sending; gunicorn resets this for the next request."""
    connection = request.META.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(SILENCE_SECONDS)
