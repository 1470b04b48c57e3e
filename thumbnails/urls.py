"""Addresses of pictures, of the editor and of the API; what a page asks for often comes first."""

from __future__ import annotations

from django.urls import path

from thumbnails import api, serve, views

urlpatterns = [
    path("api/recordings/<int:pk>/thumbnail", api.thumbnail, name="api-thumbnail"),
    path(
        "thumbnails/<slug:slug>/<slug:version>/<slug:size>",
        serve.template_picture,
        name="template-picture",
    ),
    path("api/templates", api.TemplatesView.as_view(), name="api-templates"),
    path("api/templates/default", api.DefaultView.as_view(), name="api-default-template"),
    path("recordings/<int:pk>/thumbnail", views.save, name="thumbnail-save"),
    path("recordings/<int:pk>/thumbnail/frame", views.frame, name="thumbnail-frame"),
    path("recordings/<int:pk>/thumbnail/title", views.title, name="thumbnail-title"),
]
