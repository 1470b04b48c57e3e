"""Editing sessions: opened on a recording, changed by revision, ended."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import IO, Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from recordings.api.editing import SessionEdit, SessionLine, SessionSerializer
from recordings.api.errors import answer
from recordings.api.parsers import refuse_large
from recordings.api.recordings import REFUSED, find, visible
from recordings.editing import sessions
from recordings.editing.exceptions import StaleRevision
from recordings.editing.models import EditingSession
from recordings.querysets import bound_to

BODY_BYTES = 10 * 1024**2  # the most captions, with each letter written as \uXXXX


class CaptionsParser(BaseParser):
    """JSON of more than a request may else carry: no JSONParser, whose bodies Django bounds."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        refuse_large((parser_context or {})["request"].META, BODY_BYTES)
        return JSONParser().parse(stream, media_type, parser_context)


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
        try:
            of = bound_to(request.user)
            session = sessions.save(pk, edit.change, revision=revision, of=of)
        except StaleRevision as error:
            return stale(error)
        return Response(shown(request, session))

    @extend_schema(operation_id="end_session", responses={204: None, "4XX": REFUSED})
    def delete(self, request: Request, pk: int) -> Response:
        """End a session and remove its sound; its changes are not published."""
        find_session(request, pk)
        by = request.user.get_username()
        sessions.discard(pk, by=by, of=bound_to(request.user))
        return Response(status=HTTPStatus.NO_CONTENT)


def stale(error: StaleRevision) -> Response:
    return answer(HTTPStatus.CONFLICT, "stale_revision", str(error), revision=error.revision)
