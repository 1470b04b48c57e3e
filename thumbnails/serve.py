"""Answer with pictures: template pictures to all, a recording's to those who may see it.

An address that names its version is good for ever. So a browser that has the picture is told so
from what it sent alone: a template's version is in the address, and the tag of a recording's
picture holds a seal that only this site can make, for the session or token that got the picture.
Every other answer begins with asking whose the recording is.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
)
from django.views.decorators.http import require_safe
from rest_framework.exceptions import AuthenticationFailed

from recordings.api.authentication import sign_in, who
from recordings.api.errors import NOT_FOUND
from recordings.ledger.content_types import content_type
from recordings.ledger.exceptions import LedgerError
from recordings.ledger.models import StoredFile
from recordings.ledger.permissions import ADMINISTER
from recordings.models import Recording
from thumbnails import derive
from thumbnails.exceptions import Busy, PictureRefused
from thumbnails.models import ThumbnailTemplate
from thumbnails.resolve import (
    DIGITS,
    RELATED,
    SIZES,
    Picture,
    SiteDefault,
    Source,
    resolve,
    template_address,
    without_poster,
)

logger = logging.getLogger(__name__)

FOR_EVER: Final = "max-age=31536000, immutable"
FOR_EVER_HIS: Final = f"private, {FOR_EVER}"
FULL: Final = "full"  # as it is stored
TRIES: Final = 2  # where a picture is replaced between looking it up and reading it
SEAL: Final = 16  # bytes
SOON, LATER = "2", "30"  # seconds: when to ask again for what could not be had
UNREADABLE: Final = (PictureRefused, FileNotFoundError)


@require_safe
def template_picture(request: HttpRequest, slug: str, version: str, size: str) -> HttpResponseBase:
    """Answer for one version of a template, in one of `SIZES` or `full`."""
    tag = f'"{version}-{size}"'
    caching = f"public, {FOR_EVER}"
    if tag in request.META.get("HTTP_IF_NONE_MATCH", ""):
        return _known(tag, caching, personal=False)
    if size in SIZES and (body := derive.kept(derive.of_template(slug), version, size)):
        response = HttpResponse(body, content_type=derive.CONTENT_TYPE)
    else:
        template = _template(slug, size)
        if template.stored.sha256[:DIGITS] != version:  # it was replaced since
            return _moved(template, size)
        try:
            response = _answer(template.stored, size)
        except UNREADABLE as error:
            if derive.is_released(template.stored):  # it was replaced right now
                return _moved(_template(slug, size), size)
            _give_up(template.stored, error)
            raise Http404 from error
    return _described(response, tag, caching, personal=False)


def _template(slug: str, size: str) -> ThumbnailTemplate:
    template = ThumbnailTemplate.objects.filter(slug=slug).select_related("stored").first()
    if template is None or size not in {*SIZES, FULL}:
        raise Http404
    return template


def _moved(template: ThumbnailTemplate, size: str) -> HttpResponseBase:
    address = template_address(template, size)
    return HttpResponseRedirect(address, headers={"Cache-Control": "no-cache"})


def thumbnail(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Answer a GET or HEAD; `v` names the version, `size` one of `SIZES`."""
    try:
        return _thumbnail(request, pk)
    except Http404:
        return _refused(NOT_FOUND, HTTPStatus.NOT_FOUND, "not_found")


def _thumbnail(request: HttpRequest, pk: int) -> HttpResponseBase:
    wanted = request.META.get("HTTP_IF_NONE_MATCH", "")
    query = request.META.get("QUERY_STRING", "")
    if wanted and query.startswith("v=") and (tag := _tag(request, pk, query)) in wanted:
        return _known(tag, FOR_EVER_HIS, personal=True)
    try:
        user = who(request)
    except AuthenticationFailed as error:
        return sign_in(request, str(error.detail))
    asked, size = request.GET.get("v", ""), request.GET.get("size", "") or FULL
    if size not in {*SIZES, FULL}:
        return _refused(f"Give one of these sizes: {', '.join(SIZES)}.")
    owner_id, known = glance(user, pk)
    if wanted and known and (tag := _tag(request, pk, _query(known, size))) in wanted:
        return _known(tag, "private, no-cache", personal=True)
    if asked and size in SIZES and (body := derive.kept(derive.of_recording(pk), asked, size)):
        response = HttpResponse(body, content_type=derive.CONTENT_TYPE)
        return _described(
            response, _tag(request, pk, _query(asked, size)), FOR_EVER_HIS, personal=True
        )
    mine = Recording.objects.filter(pk=pk, owner_id=owner_id).select_related("owner", *RELATED)
    for _ in range(TRIES):
        with suppress(_Replaced):
            return _current(request, mine.all(), asked, size)
    raise Http404


class _Replaced(Exception):
    """The picture that was looked up has been released since."""


def _current(
    request: HttpRequest, mine: QuerySet[Recording], asked: str, size: str
) -> HttpResponseBase:
    """Answer with what the recording shows now. Raises Http404, _Replaced."""
    for recording in mine:
        for picture in _steps(recording):
            for_ever = asked == picture.version
            try:
                return _shown(request, recording.pk, picture, size, for_ever=for_ever)
            except UNREADABLE as error:
                if derive.is_released(picture.stored):
                    raise _Replaced from error
                _give_up(picture.stored, error)
    raise Http404


def _steps(recording: Recording) -> Iterator[Picture]:
    """Yield what a recording shows; behind a poster what is shown where that cannot be."""
    default = SiteDefault()
    picture = resolve(recording, default)
    if picture and picture.source == Source.POSTER:
        if not derive.is_given_up(picture.stored):
            yield picture
        picture = without_poster(recording, default)
    if picture:
        yield picture


def _give_up(stored: StoredFile, error: Exception) -> None:
    if not derive.is_given_up(stored):
        missing = isinstance(error, FileNotFoundError)
        why = "it is ready in the ledger and not in storage" if missing else error
        logger.error("%s cannot be shown: %s", stored, why)
        derive.give_up(stored)


def _shown(
    request: HttpRequest, pk: int, picture: Picture, size: str, *, for_ever: bool
) -> HttpResponseBase:
    """Answer with one picture. Raises `UNREADABLE`."""
    tag = _tag(request, pk, _query(picture.version, size))
    caching = FOR_EVER_HIS if for_ever else "private, no-cache"
    if tag in request.META.get("HTTP_IF_NONE_MATCH", ""):
        return _known(tag, caching, personal=True)
    return _described(_answer(picture.stored, size), tag, caching, personal=True)


def _answer(stored: StoredFile, size: str) -> HttpResponse:
    """Put a stored picture, or one made of it, into a response. Raises `UNREADABLE`."""
    try:
        if size in SIZES:
            body = derive.resized(stored, size)
            return HttpResponse(body, content_type=derive.CONTENT_TYPE)
        body = derive.content(stored)
    except PictureRefused:
        raise
    except LedgerError as error:  # of the site, and it will pass
        response = _refused(str(error), HTTPStatus.SERVICE_UNAVAILABLE, "unavailable")
        response.headers["Retry-After"] = SOON if isinstance(error, Busy) else LATER
        return response
    return HttpResponse(body, content_type=content_type(str(stored.file.name)))


def _query(version: str, size: str) -> str:
    """Write version and size as `resolve.own_address` does."""
    return f"v={version}" if size == FULL else f"v={version}&size={size}"


def _tag(request: HttpRequest, pk: int, query: str) -> str:
    """Make the strong tag of a recording's picture for the one who asks."""
    said = f"{_credential(request)}\n{pk}\n{query}".encode()
    # Keyed BLAKE2 is a MAC by itself, and takes a fiftieth of what HMAC does here.
    seal = hashlib.blake2b(said, key=_key(str(settings.SECRET_KEY)), digest_size=SEAL)
    return f'"{seal.hexdigest()}"'


@cache
def _key(secret: str) -> bytes:
    return hashlib.sha256(f"thumbnails {secret}".encode()).digest()


def _credential(request: HttpRequest) -> str:
    token: str = request.META.get("HTTP_AUTHORIZATION", "")
    return token or request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")


def glance(user: Any, pk: int) -> tuple[int, str]:
    """Return a recording's owner and the version of what was chosen or made, empty without.

    Columns instead of rows: making six objects takes longer than the rest of an answer. Raises
    Http404 where the user may not see the recording.
    """
    columns = ("owner_id", "thumbnail__stored__sha256", "thumbnail__template__stored__sha256")
    for owner_id, own, chosen in Recording.objects.filter(pk=pk).values_list(*columns):
        # Whose it is says enough for most: what else a user may takes two queries.
        if owner_id == user.pk or user.has_perm(ADMINISTER):
            return owner_id, (own or chosen or "")[:DIGITS]
    raise Http404


def _refused(
    sentence: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST, code: str = "invalid"
) -> HttpResponse:
    body = {"detail": sentence, "code": code}
    return JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})


def _known(tag: str, caching: str, *, personal: bool) -> HttpResponse:
    """Say that the browser has it."""
    response = HttpResponse(status=HTTPStatus.NOT_MODIFIED.value)
    del response.headers["Content-Type"]
    return _described(response, tag, caching, personal=personal)


def _described(response: HttpResponse, tag: str, caching: str, *, personal: bool) -> HttpResponse:
    """Add what a cache needs to know; an error says for itself that it is not to be kept."""
    if response.status_code < HTTPStatus.BAD_REQUEST.value:
        response.headers["ETag"], response.headers["Cache-Control"] = tag, caching
        if personal:
            response.headers["Vary"] = "Cookie, Authorization"
    return response
