"""Recordings: upload, list, edit, trash, restore, process."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from recordings import tasks, transfer, trash
from recordings.api.errors import Conflict
from recordings.api.parsers import MultiPartParser
from recordings.api.requests import (
    DeleteQuery,
    ProcessRequest,
    RecordingEdit,
    RecordingQuery,
    UploadRequest,
    details_of,
)
from recordings.api.serializers import ErrorSerializer, JobSerializer, RecordingSerializer
from recordings.ledger.permissions import ADMINISTER
from recordings.ledger.transactions import retried
from recordings.listing import matching
from recordings.models import Job, Recording
from recordings.processing import jobs
from recordings.querysets import RecordingQuerySet, bound_to
from recordings.uploads import intake
from recordings.uploads.details import set_labels
from recordings.uploads.handler import receive

REFUSED = OpenApiResponse(ErrorSerializer, description="Refused; says why.")


def checked(serializer: type[Serializer[Any]], data: Any, **kwargs: Any) -> dict[str, Any]:
    """Return clean values of a query or body. Raises ValidationError."""
    request = serializer(data=data, **kwargs)
    request.is_valid(raise_exception=True)
    return dict(request.validated_data)


def query(request: Request) -> dict[str, str]:
    """Return the parameters that were given a value."""
    given: dict[str, str] = request.query_params.dict()
    return {name: value for name, value in given.items() if value != ""}


def visible(request: Request) -> RecordingQuerySet:
    return Recording.objects.visible_to(request.user)


def find(request: Request, pk: int) -> Recording:
    """Return a recording the caller may see, trashed or not. Raises Http404."""
    return get_object_or_404(visible(request).select_related("owner"), pk=pk)


def shown(pk: int) -> dict[str, Any]:
    """Return a recording as it is now. Raises Http404 where it went meanwhile."""
    recording = get_object_or_404(Recording.objects.with_files().with_held(), pk=pk)
    return RecordingSerializer(recording).data


def shown_job(pk: int) -> dict[str, Any]:
    """Return a job as it is now. Raises Http404 where it went meanwhile with its recording."""
    return JobSerializer(get_object_or_404(Job, pk=pk)).data


class RecordingsView(GenericAPIView[Recording]):
    """The library, and the way into it."""

    serializer_class = RecordingSerializer
    queryset = Recording.objects.none()
    parser_classes = [MultiPartParser]  # for the schema; the body is streamed past it

    @extend_schema(
        operation_id="list_recordings",
        parameters=[RecordingQuery],
        responses=RecordingSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """List the caller's recordings, newest first; administrators see everyone's."""
        asked = checked(RecordingQuery, query(request))
        if asked["trashed"]:
            self.keyset: tuple[str, ...] = ("-trashed_at", "-id")
        else:
            self.keyset = ("-created_at", "-id")
        page = self.paginate_queryset(_narrowed(visible(request), asked))
        return self.get_paginated_response(RecordingSerializer(page, many=True).data)

    @extend_schema(
        operation_id="upload_recording",
        request={"multipart/form-data": UploadRequest},
        responses={201: RecordingSerializer, "4XX": REFUSED},
    )
    def post(self, request: Request) -> Response:
        """Upload a file; it is stored as it comes and processed unless `process` is false."""
        recording = receive(request._request, owner=request.user, clean=details_of)
        return Response(shown(recording.pk), status=201)


def _narrowed(rows: RecordingQuerySet, asked: dict[str, Any]) -> QuerySet[Recording]:
    rows = rows.trashed() if asked["trashed"] else rows.live()
    if state := asked.get("state"):
        rows = rows.filter(state=state)
    if label := asked.get("label"):
        rows = rows.filter(labels__name=label)
    if text := asked.get("search"):
        rows = rows.filter(matching(text))
    return rows.with_files().with_held()


class RecordingView(APIView):
    """One recording."""

    @extend_schema(operation_id="get_recording", responses=RecordingSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Return a recording with its files and newest job."""
        return Response(shown(find(request, pk).pk))

    @extend_schema(
        operation_id="edit_recording",
        request=RecordingEdit,
        responses={200: RecordingSerializer, "4XX": REFUSED},
    )
    def patch(self, request: Request, pk: int) -> Response:
        """Change what is said of a recording; administrators also `keep` and `owner`."""
        changes = checked(RecordingEdit, request.data, partial=True)  # a body may take long
        find(request, pk)
        if not request.user.has_perm(ADMINISTER):
            _refuse_administrators_fields(changes)
        retried(partial(_apply, pk, changes, user=request.user))
        return Response(shown(find(request, pk).pk))

    @extend_schema(
        operation_id="delete_recording",
        parameters=[DeleteQuery],
        responses={204: None, "4XX": REFUSED},
    )
    def delete(self, request: Request, pk: int) -> Response:
        """Move a recording to the trash, or release it for ever."""
        asked = checked(DeleteQuery, query(request))
        recording = find(request, pk)
        if recording.state == Recording.State.UPLOADING and intake.cancel(pk):
            tasks.purge_soon()
            return Response(status=204)
        by, of = request.user.get_username(), bound_to(request.user)
        act = trash.erase if asked["permanent"] else trash.move_to_trash
        if not act([pk], by=by, of=of):
            find(request, pk)  # not there where somebody else has it now
        if asked["permanent"]:
            tasks.purge_soon()
        return Response(status=204)


def _refuse_administrators_fields(changes: dict[str, Any]) -> None:
    if reserved := [name for name in RecordingEdit.ADMINISTRATORS_ONLY if name in changes]:
        raise PermissionDenied(f"Only administrators may change {' and '.join(reserved)}.")


def _apply(pk: int, changes: dict[str, Any], *, user: Any) -> None:
    """Hand it over first, since labels belong to the owner; all of it stands, or nothing.

    Raises Http404 where it has gone, or to somebody else.
    """
    own = {name: value for name, value in changes.items() if name not in ("owner", "labels")}
    to, labels = changes.get("owner"), changes.get("labels")
    with trash.locked([pk], of=bound_to(user), also=[to.pk] if to else ()) as found:
        if not found:
            raise Http404
        recording = found[0]
        if to and recording.owner_id != to.pk:
            transfer.transfer([pk], to=to, by=user.get_username())
            recording.owner = to
        if own:
            Recording.objects.filter(pk=pk).update(**own)
        if labels is not None:
            set_labels(recording, labels)


class RestoreView(APIView):
    @extend_schema(
        operation_id="restore_recording",
        request=None,
        responses={200: RecordingSerializer, 404: REFUSED},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Bring a recording back from the trash, as it was."""
        trash.restore([find(request, pk).pk], of=bound_to(request.user))
        return Response(shown(find(request, pk).pk))


class ProcessView(APIView):
    @extend_schema(
        operation_id="process_recording",
        request=ProcessRequest,
        responses={202: JobSerializer, "4XX": REFUSED},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Process a recording again, from the original or what is left."""
        options = checked(ProcessRequest, request.data)  # a body may take long
        find(request, pk)
        job = jobs.start(pk, options=options, of=bound_to(request.user))
        return Response(shown_job(job.pk), status=202)


class CancelView(APIView):
    @extend_schema(
        operation_id="cancel_processing",
        request=None,
        responses={202: JobSerializer, "4XX": REFUSED},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Stop processing a recording."""
        job = find(request, pk).open_job
        if job is None:
            raise Conflict("Nothing is being done with this recording.", code="not_running")
        return Response(cancelled(job), status=202)


def cancelled(job: Job) -> dict[str, Any]:
    """Ask a job to stop and return it. Raises Conflict when it has ended."""
    if not jobs.cancel(job):
        raise Conflict("This job has ended already.", code="not_running")
    return shown_job(job.pk)
