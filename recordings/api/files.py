"""Single files of a recording: the final videos among them can go by themselves."""

from __future__ import annotations

from http import HTTPStatus

from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from recordings import tasks
from recordings.api.recordings import REFUSED, find
from recordings.editing import finals
from recordings.querysets import bound_to


class FileView(APIView):
    @extend_schema(operation_id="delete_final_video", responses={204: None, "4XX": REFUSED})
    def delete(self, request: Request, pk: int, file: int) -> Response:
        """Remove a final video for ever; other files go only with their recording."""
        found = get_object_or_404(find(request, pk).files, pk=file)
        by = request.user.get_username()
        if not finals.remove(found, by=by, of=bound_to(request.user)):
            raise Http404
        tasks.purge_soon()
        return Response(status=HTTPStatus.NO_CONTENT)
