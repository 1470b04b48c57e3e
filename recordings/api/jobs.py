"""Jobs: look, and stop."""

from __future__ import annotations

from django.db.models import Q
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from recordings.api.recordings import REFUSED, cancelled
from recordings.api.serializers import JobSerializer
from recordings.ledger.permissions import ADMINISTER
from recordings.models import Job


def find(request: Request, pk: int) -> Job:
    """Return a job the caller may see. Raises Http404."""
    jobs = Job.objects.all()
    if not request.user.has_perm(ADMINISTER):
        own = Q(recording__owner=request.user.pk)
        jobs = jobs.filter(own | Q(recording=None, owner_id=request.user.pk))
    return get_object_or_404(jobs, pk=pk)


class JobView(APIView):
    @extend_schema(operation_id="get_job", responses=JobSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Return a job with its step and progress."""
        return Response(JobSerializer(find(request, pk)).data)


class CancelJobView(APIView):
    @extend_schema(
        operation_id="cancel_job",
        request=None,
        responses={202: JobSerializer, "4XX": REFUSED},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Stop a job that waits or runs."""
        return Response(cancelled(find(request, pk)), status=202)
