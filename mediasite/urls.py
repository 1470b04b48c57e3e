"""Where every address of the site leads."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import include, path

import thumbnails.urls
from recordings.media import media
from retention import dashboard
from retention.api.metrics import MetricsView


def healthz(request: HttpRequest) -> JsonResponse:
    """Say that the process answers; asks nothing of the database."""
    return JsonResponse({"status": "ok"})


def favicon(request: HttpRequest) -> HttpResponse:
    """Send those who ask at the old address, such as the admin's pages, to the picture."""
    return redirect(static("favicon.svg"))


urlpatterns = [
    # a page asks for many pictures at once, so they are looked for first
    *thumbnails.urls.urlpatterns,
    path("healthz", healthz),
    path("admin/dashboard/", admin.site.admin_view(dashboard.page), name="dashboard"),
    path("metrics", MetricsView.as_view(), name="metrics"),
    path("admin/", admin.site.urls),
    # the API of recordings
    path("api/", include("recordings.api.urls")),
    path("media/<path:name>", media, name="media"),
    # the API of retention
    path("api/", include("retention.api.urls")),
    # the owners' pages
    path("", include("recordings.urls")),
    path("", include("retention.urls")),
    path("favicon.ico", favicon),
]

handler404 = "recordings.api.errors.not_found"
handler500 = "recordings.api.errors.server_error"
