"""Addresses of the API of thumbnails, below /api/."""

from __future__ import annotations

from django.urls import path

from thumbnails import api

urlpatterns = [
    path("recordings/<int:pk>/thumbnail", api.ThumbnailView.as_view(), name="api-thumbnail"),
    path("templates", api.TemplatesView.as_view(), name="api-templates"),
    path("templates/default", api.DefaultView.as_view(), name="api-default-template"),
]
