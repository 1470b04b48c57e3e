"""Addresses of template pictures and of the editor."""

from __future__ import annotations

from django.urls import path

from thumbnails import serve, views

urlpatterns = [
    path(
        "thumbnails/<slug:slug>/<slug:version>/<slug:size>",
        serve.template_picture,
        name="template-picture",
    ),
    path("recordings/<int:pk>/thumbnail", views.save, name="thumbnail-save"),
    path("recordings/<int:pk>/thumbnail/frame", views.frame, name="thumbnail-frame"),
    path("recordings/<int:pk>/thumbnail/title", views.title, name="thumbnail-title"),
]
