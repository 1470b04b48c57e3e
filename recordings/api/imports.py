"""Imports: have the site fetch a file from an address."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from recordings.api.recordings import REFUSED, checked, shown_job
from recordings.api.requests import ImportRequest
from recordings.api.serializers import JobSerializer
from recordings.uploads import imports


class ImportsView(APIView):
    @extend_schema(
        operation_id="import_recording",
        request=ImportRequest,
        responses={202: JobSerializer, "4XX": REFUSED},
    )
    def post(self, request: Request) -> Response:
        """Fetch a file from an address and process it; off unless the administrator allows it."""
        imports.refuse_when_off()
        asked = checked(ImportRequest, request.data)
        job = imports.ask(request.user, url=asked["url"], title=asked["title"])
        return Response(shown_job(job.pk), status=202)
