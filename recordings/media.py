"""Serve stored files to those who may see them: whole, in part, or by those who do it better.

`/media/{name}`, and `/media/{name}.vtt` for stored SRT. Nothing is looked up on disk by what was
asked for: a row has to name it, and its recording has to be visible to the one who asks.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus
from typing import IO, Any, Final, cast
from urllib.parse import quote

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import (
    content_disposition_header,
    http_date,
    parse_http_date_safe,
    quote_etag,
)
from django.views.decorators.http import require_safe
from rest_framework.exceptions import AuthenticationFailed

from recordings.api.authentication import sign_in, who
from recordings.ledger.content_types import content_type
from recordings.ledger.exceptions import StorageFault
from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.s3 import S3Storage
from recordings.ledger.storages import content
from recordings.models import Recording, RecordingFile
from recordings.processing import captions
from recordings.uploads.details import download_name, shown_name

logger = logging.getLogger(__name__)

CHUNK: Final = 256 * 1024
WATCHED: Final = (Kind.ORIGINAL, Kind.TRIMMED, Kind.AUDIO, Kind.FINAL)
WATCHED_EVERY: Final = timedelta(minutes=10)  # one write for all the ranges of a player
VTT: Final = ".vtt"


@require_safe
def media(request: HttpRequest, name: str) -> HttpResponseBase:
    """Answer for one stored file."""
    try:
        user = who(request)
    except AuthenticationFailed as error:
        return sign_in(request, str(error.detail))
    file = _find(user, name)
    if file is None and name.endswith(f".srt{VTT}"):
        return _as_vtt(request, _find(user, name.removesuffix(VTT)))
    if file is None:
        raise Http404
    return _serve(request, file)


def _find(user: Any, name: str) -> RecordingFile | None:
    if "\0" in name:
        return None
    files = RecordingFile.objects.filter(
        stored__storage__in=list(settings.STORAGES),
        stored__file=name,
        stored__state=StoredFile.State.READY,
        recording__in=Recording.objects.visible_to(user),
    )
    return files.select_related("stored", "recording").first()


def _serve(request: HttpRequest, file: RecordingFile) -> HttpResponseBase:
    stored = file.stored
    assert stored.ready_at is not None
    etag, modified = quote_etag(stored.sha256), int(stored.ready_at.timestamp())
    response: HttpResponseBase | None = get_conditional_response(request, etag, modified)
    if response is None:
        response = _content(request, file, etag, modified)
        _note_watching(request, file)
    _describe(request, response, file, etag, modified)
    return response


def _content(
    request: HttpRequest, file: RecordingFile, etag: str, modified: int
) -> HttpResponseBase:
    stored = file.stored
    if isinstance(stored.file.storage, S3Storage):
        return _signed(request, file)
    if settings.X_ACCEL_PREFIX:
        address = settings.X_ACCEL_PREFIX + quote(str(stored.file.name))
        return HttpResponse(headers={"X-Accel-Redirect": address})
    span = _asked_for(request, stored.size, etag, modified)
    if span is None:
        return _whole(request, stored)
    start, end = span
    if start >= end:
        nothing = {"Content-Range": f"bytes */{stored.size}"}
        return HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=nothing)
    return _stretch(stored, start, end, status=HTTPStatus.PARTIAL_CONTENT)


def _whole(request: HttpRequest, stored: StoredFile) -> HttpResponseBase:
    if request.method == "HEAD":
        return HttpResponse(headers={"Content-Length": str(stored.size)})
    return _stretch(stored, 0, stored.size, status=HTTPStatus.OK)


class Stretch:
    """Part of an open file, read as it is sent; `close` comes from the server, whatever happens."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file, self._left = file, size
        file.seek(start)

    def __iter__(self) -> Iterator[bytes]:
        while self._left > 0 and (chunk := self._file.read(min(CHUNK, self._left))):
            self._left -= len(chunk)
            yield chunk

    def close(self) -> None:
        self._file.close()


def _stretch(stored: StoredFile, start: int, end: int, *, status: int) -> HttpResponseBase:
    with _there(stored):
        file = stored.file.storage.open(str(stored.file.name), "rb")
    headers = {"Content-Length": str(end - start)}
    if status == HTTPStatus.PARTIAL_CONTENT:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{stored.size}"
    stretch = Stretch(file, start, end - start)
    return StreamingHttpResponse(stretch, status=status, headers=headers)


@contextmanager
def _there(stored: StoredFile) -> Iterator[None]:
    """Raise Http404, and say so in the log, where the bytes of a ready file are missing."""
    try:
        yield
    except FileNotFoundError as error:
        logger.error("%s is ready in the ledger and not in storage", stored)
        raise Http404 from error


_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


def _asked_for(request: HttpRequest, size: int, etag: str, modified: int) -> tuple[int, int] | None:
    """Return start and end of the one range asked for, None for the whole; end first if beyond.

    Several ranges, other units and what cannot be read are answered with the whole, as HTTP allows.
    """
    match = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if request.method != "GET" or match is None or match.groups() == ("", ""):
        return None
    if not _still_the_same(request.headers.get("If-Range", ""), etag, modified):
        return None
    first, last = match.groups()
    if not first:  # the last so many bytes
        return max(0, size - int(last)) if int(last) else size, size
    if last and int(last) < int(first):
        return None
    return int(first), min(size, int(last) + 1) if last else size


def _still_the_same(condition: str, etag: str, modified: int) -> bool:
    """Tell whether the part that the client has belongs to this file."""
    return not condition or condition == etag or parse_http_date_safe(condition) == modified


def _signed(request: HttpRequest, file: RecordingFile) -> HttpResponseBase:
    """Send the client to the bucket with an address that is good for minutes."""
    name = str(file.stored.file.name)
    parameters = {
        "ResponseContentType": content_type(name),
        "ResponseContentDisposition": _disposition(request, file),
        "ResponseCacheControl": "private",
    }
    method = "HEAD" if request.method == "HEAD" else None
    bucket = cast(S3Storage, file.stored.file.storage)
    url = bucket.url(name, parameters=parameters, http_method=method)
    return HttpResponseRedirect(url)


def _describe(
    request: HttpRequest,
    response: HttpResponseBase,
    file: RecordingFile,
    etag: str,
    modified: int,
) -> None:
    moved = response.status_code == HTTPStatus.FOUND
    response["Cache-Control"] = "private, no-store" if moved else "private, no-cache"
    patch_vary_headers(response, ["Cookie", "Authorization"])
    response["X-Content-Type-Options"] = "nosniff"
    if moved:
        return
    response["ETag"], response["Last-Modified"] = etag, http_date(modified)
    if response.status_code == HTTPStatus.NOT_MODIFIED:
        return
    response["Accept-Ranges"] = "bytes"
    response["Content-Type"] = content_type(str(file.stored.file.name))
    response["Content-Disposition"] = _disposition(request, file)


def _disposition(request: HttpRequest, file: RecordingFile) -> str:
    download = request.GET.get("download", "0") not in {"", "0"}
    return content_disposition_header(download, display_name(file)) or "inline"


def display_name(file: RecordingFile) -> str:
    """Name a file for people: what the client called the original, the title for the others."""
    recording = file.recording
    if file.kind == Kind.ORIGINAL and recording.original_name:
        return shown_name(recording.original_name)
    extension = str(file.stored.file.name).rpartition(".")[2]
    return download_name(recording.title, file.kind, extension)


def _as_vtt(request: HttpRequest, file: RecordingFile | None) -> HttpResponseBase:
    """Answer stored SRT as WebVTT, which is what browsers show."""
    if file is None or file.kind != Kind.SUBTITLES:
        raise Http404
    etag = quote_etag(f"{file.stored.sha256}-vtt")
    response = get_conditional_response(request, etag)
    if response is None:
        try:
            with _there(file.stored):
                srt = content(file.stored.storage, str(file.stored), most=captions.MOST_BYTES)
        except StorageFault as fault:
            refusal = {"detail": str(fault), "code": "storage_fault"}
            return JsonResponse(refusal, status=HTTPStatus.SERVICE_UNAVAILABLE)
        text = captions.write_vtt(_segments(srt))
        response = HttpResponse(text, content_type="text/vtt; charset=utf-8")
    response["ETag"], response["Cache-Control"] = etag, "private, no-cache"
    patch_vary_headers(response, ["Cookie", "Authorization"])
    return response


def _segments(srt: bytes) -> list[captions.Segment]:
    try:
        return captions.parse(srt)
    except captions.CaptionError:  # nothing was said in this recording
        return []


def _note_watching(request: HttpRequest, file: RecordingFile) -> None:
    """Remember that a recording was watched, seldom enough to cost nothing."""
    if request.method != "GET" or file.kind not in WATCHED:
        return
    last = file.recording.last_watched_at
    if last is not None and timezone.now() - last < WATCHED_EVERY:
        return
    stale = Q(last_watched_at=None) | Q(last_watched_at__lt=Now() - WATCHED_EVERY)
    Recording.objects.filter(stale, pk=file.recording_id).update(last_watched_at=Now())
