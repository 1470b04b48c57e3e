"""Editing sessions: opened on a recording, changed by revision, ended."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import content_disposition_header, quote_etag
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from recordings.api.editing import (
    CaptionsImport,
    ExportQuery,
    PublishRequest,
    RenderRequest,
    SessionEdit,
    SessionLine,
    SessionSerializer,
    WaveformSerializer,
)
from recordings.api.errors import Conflict, answer
from recordings.api.parsers import BESIDE_FILE, Bounded, LongJSONParser
from recordings.api.recordings import REFUSED, checked, find, query, shown_job, visible
from recordings.api.serializers import JobSerializer
from recordings.editing import cues, publishing, rendering, sessions, sound, waveform
from recordings.editing.exceptions import StaleRevision
from recordings.editing.models import EditingSession
from recordings.editing.sessions import Change
from recordings.ledger.exceptions import StorageFault
from recordings.processing import captions
from recordings.querysets import bound_to
from recordings.uploads.details import download_name

BODY_BYTES = 10 * 1024**2  # the most captions, with each letter written as \uXXXX
NO_WAVEFORM = {
    sound.MAKING: "The sound is being extracted: try again in a moment.",
    sound.NONE: sound.NO_SOUND,
    sound.FAILED: "The sound could not be extracted; the session says why.",
}


class CaptionsParser(Bounded, LongJSONParser):
    """For the captions of a session."""

    most = BODY_BYTES


def find_session(request: Request, pk: int) -> EditingSession:
    """Return a session the caller may see. Raises Http404."""
    rows = EditingSession.objects.filter(recording__in=visible(request))
    return get_object_or_404(rows.select_related("recording", "audio__stored"), pk=pk)


def shown(request: Request, session: EditingSession) -> dict[str, Any]:
    return SessionSerializer(find_session(request, session.pk)).data


class SessionsView(GenericAPIView[EditingSession]):
    """The sessions of one recording."""

    serializer_class = SessionSerializer
    queryset = EditingSession.objects.none()
    keyset = ("-id",)

    @extend_schema(operation_id="list_sessions", responses=SessionLine(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """List the editing sessions of a recording, newest first, without their captions."""
        rows: QuerySet[EditingSession] = find(request, pk).sessions.all()
        page = self.paginate_queryset(rows.select_related("recording", "audio__stored"))
        return self.get_paginated_response(SessionLine(page, many=True).data)

    @extend_schema(
        operation_id="open_session",
        request=None,
        responses={201: SessionSerializer, "4XX": REFUSED},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Open a session with the captions the recording has; its sound is extracted meanwhile."""
        session = sessions.begin(find(request, pk).pk, of=bound_to(request.user))
        return Response(shown(request, session), status=HTTPStatus.CREATED)


class SessionView(APIView):
    """One editing session."""

    parser_classes = [CaptionsParser]

    @extend_schema(operation_id="get_session", responses=SessionSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Return a session with its captions and style."""
        return Response(SessionSerializer(find_session(request, pk)).data)

    @extend_schema(
        operation_id="edit_session",
        request=SessionEdit,
        responses={200: SessionSerializer, "4XX": REFUSED},
    )
    def patch(self, request: Request, pk: int) -> Response:
        """Change captions or style of a revision, or with `revision` alone keep it in use.

        In use means two minutes in which no policy ends the session. Where it was changed from
        elsewhere the answer is 409 `stale_revision` with the `revision` it has now.
        """
        edit = SessionEdit(data=request.data)  # a body may take long
        edit.is_valid(raise_exception=True)
        find_session(request, pk)
        revision = edit.validated_data["revision"]
        return saved(request, pk, edit.change, revision)

    @extend_schema(operation_id="end_session", responses={204: None, "4XX": REFUSED})
    def delete(self, request: Request, pk: int) -> Response:
        """End a session and remove its sound; its changes are not published."""
        find_session(request, pk)
        by = request.user.get_username()
        sessions.discard(pk, by=by, of=bound_to(request.user))
        return Response(status=HTTPStatus.NO_CONTENT)


def saved(request: Request, pk: int, change: Change, revision: int) -> Response:
    """Save and show a session, or say which revision it has by now."""
    try:
        session = sessions.save(pk, change, revision=revision, of=bound_to(request.user))
    except StaleRevision as error:
        return stale(error)
    return Response(shown(request, session))


def stale(error: StaleRevision) -> Response:
    return answer(HTTPStatus.CONFLICT, "stale_revision", str(error), revision=error.revision)


class WaveformView(APIView):
    @extend_schema(
        operation_id="get_waveform",
        responses={200: WaveformSerializer, 304: None, "4XX": REFUSED},
    )
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        """Return the loudest moment of each slice of the sound: at most 100,000 of them."""
        session = find_session(request, pk)
        if session.audio is None:
            raise Conflict(NO_WAVEFORM[sound.state_of(session)], code="no_waveform")
        stored = session.audio.stored
        etag = quote_etag(waveform.key(stored.sha256))
        response: HttpResponseBase | None = get_conditional_response(request._request, etag)
        if response is None:
            try:
                body = waveform.document(stored)
            except FileNotFoundError as error:
                raise StorageFault("The sound of this session is missing in storage.") from error
            response = HttpResponse(body, content_type="application/json")
        response["ETag"], response["Cache-Control"] = etag, "private, no-cache"
        patch_vary_headers(response, ["Cookie", "Authorization"])
        return response

    @extend_schema(
        operation_id="make_waveform",
        request=None,
        responses={202: SessionSerializer, "4XX": REFUSED},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Have the sound extracted once more that was given up, such as for want of room."""
        session = find_session(request, pk)
        if not sound.try_again(session.pk) and sound.state_of(session) == sound.NONE:
            raise Conflict(sound.NO_SOUND, code="no_waveform")
        return Response(shown(request, session), status=HTTPStatus.ACCEPTED)


class RenderView(APIView):
    @extend_schema(
        operation_id="render_session",
        request=RenderRequest,
        responses={202: JobSerializer, "4XX": REFUSED},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Make a final video with the captions of a session, burned in or as a track.

        When it is done the captions are the recording's subtitles and the session is gone.
        """
        asked = checked(RenderRequest, request.data)
        find_session(request, pk)
        try:
            job = rendering.start(pk, **asked, of=bound_to(request.user))
        except StaleRevision as error:
            return stale(error)
        return Response(shown_job(job.pk), status=HTTPStatus.ACCEPTED)


class PublishView(APIView):
    @extend_schema(
        operation_id="publish_session",
        request=PublishRequest,
        responses={204: None, "4XX": REFUSED},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Make the captions of a session those of its recording, without a video, and end it."""
        asked = checked(PublishRequest, request.data)
        find_session(request, pk)
        by = request.user.get_username()
        try:
            publishing.publish(pk, **asked, by=by, of=bound_to(request.user))
        except StaleRevision as error:
            return stale(error)
        return Response(status=HTTPStatus.NO_CONTENT)


class CaptionFileParser(Bounded, MultiPartParser):
    """For one file of captions, refused by its length before any of it is read."""

    most = captions.MOST_BYTES + BESIDE_FILE


class ImportView(APIView):
    parser_classes = [CaptionFileParser]

    @extend_schema(
        operation_id="import_captions",
        request={"multipart/form-data": CaptionsImport},
        responses={200: SessionSerializer, "4XX": REFUSED},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Replace the captions of a session by those of a file, which stays as it was if wrong."""
        clean = checked(CaptionsImport, request.data)
        find_session(request, pk)
        return saved(request, pk, Change(captions=clean["file"]), clean["revision"])


class OwnFormats(DefaultContentNegotiation):
    """Leaves `?format=` and Accept to the view: what it answers with is a file."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class ExportView(APIView):
    content_negotiation_class = OwnFormats

    @extend_schema(
        operation_id="export_session",
        parameters=[ExportQuery],
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    def get(self, request: Request, pk: int) -> HttpResponse:
        """Download the captions as SRT or WebVTT, or the whole session as JSON."""
        form = checked(ExportQuery, query(request))["format"]
        session = find_session(request, pk)
        text, kind = exported(session, form)
        response = HttpResponse(text, content_type=f"{kind}; charset=utf-8")
        name = download_name(session.recording.title, "captions", form)
        response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
        response["X-Content-Type-Options"] = "nosniff"
        return response


def exported(session: EditingSession, form: str) -> tuple[str, str]:
    """Return a session in the form asked for, with its content type."""
    if form == "json":
        shape = SessionSerializer(session).data
        return json.dumps(shape, ensure_ascii=False, indent=1), "application/json"
    write = captions.write_srt if form == "srt" else captions.write_vtt
    kind = "application/x-subrip" if form == "srt" else "text/vtt"
    return write(cues.segments(session.captions)), kind
