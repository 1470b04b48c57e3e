"""What thumbnails are compared with: views that do nothing but answer."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path

from mediasite.urls import urlpatterns as the_site
from recordings.models import Recording


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=204)


def file(request: HttpRequest) -> FileResponse:
    return FileResponse((settings.DATA_DIR / "bare.webp").open("rb"), content_type="image/webp")


@login_required
def asking_empty(request: HttpRequest, pk: int) -> HttpResponse:
    get_object_or_404(Recording, pk=pk, owner=request.user)
    return empty(request)


@login_required
def asking_file(request: HttpRequest, pk: int) -> FileResponse:
    get_object_or_404(Recording, pk=pk, owner=request.user)
    return file(request)


# Right behind the two that are measured: an address costs by its place in this list.
urlpatterns = [
    *the_site[:2],
    path("bare/empty", empty),
    path("bare/file", file),
    path("bare/asking/<int:pk>/empty", asking_empty),
    path("bare/asking/<int:pk>/file", asking_file),
    *the_site[2:],
]

handler404 = "recordings.api.errors.not_found"
handler500 = "recordings.api.errors.server_error"
