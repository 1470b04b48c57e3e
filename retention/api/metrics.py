"""/metrics, for administrators and for a scraper with the site's token."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils.crypto import constant_time_compare
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from recordings.api.permissions import IsAdministrator
from retention import metrics

SCHEME = "bearer"


class MayScrape(IsAdministrator):
    """For administrators, or `Authorization: Bearer METRICS_TOKEN` where one is set."""

    def has_permission(self, request: Request, view: Any) -> bool:
        scheme, _space, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if settings.METRICS_TOKEN and scheme.lower() == SCHEME:
            return constant_time_compare(token.strip(), settings.METRICS_TOKEN)
        return super().has_permission(request, view)


class MetricsView(APIView):
    permission_classes = [MayScrape]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Return the site's figures in the text format of Prometheus."""
        return HttpResponse(metrics.page(), content_type=metrics.CONTENT_TYPE)
