"""Addresses of the API of recordings, below /api/."""

from __future__ import annotations

from django.urls import path

from recordings.api import (
    accounts,
    archive,
    documentation,
    files,
    imports,
    jobs,
    recordings,
    sessions,
    uploads,
)

urlpatterns = [
    path("token", accounts.TokenView.as_view(), name="api-token"),
    path("recordings", recordings.RecordingsView.as_view(), name="api-recordings"),
    path("recordings/<int:pk>", recordings.RecordingView.as_view(), name="api-recording"),
    path("recordings/<int:pk>/files/<int:file>", files.FileView.as_view(), name="api-file"),
    path("recordings/<int:pk>/restore", recordings.RestoreView.as_view(), name="api-restore"),
    path("recordings/<int:pk>/process", recordings.ProcessView.as_view(), name="api-process"),
    path("recordings/<int:pk>/cancel", recordings.CancelView.as_view(), name="api-cancel"),
    path("recordings/<int:pk>/sessions", sessions.SessionsView.as_view(), name="api-sessions"),
    path("sessions/<int:pk>", sessions.SessionView.as_view(), name="api-session"),
    path(
        "sessions/<int:pk>/waveform", sessions.WaveformView.as_view(), name="api-session-waveform"
    ),
    path("sessions/<int:pk>/publish", sessions.PublishView.as_view(), name="api-session-publish"),
    path("sessions/<int:pk>/render", sessions.RenderView.as_view(), name="api-session-render"),
    path("sessions/<int:pk>/import", sessions.ImportView.as_view(), name="api-session-import"),
    path("sessions/<int:pk>/export", sessions.ExportView.as_view(), name="api-session-export"),
    path("uploads", uploads.UploadsView.as_view(), name="api-uploads"),
    path("uploads/<str:token>", uploads.UploadView.as_view(), name="api-upload"),
    path(
        "uploads/<str:token>/subtitles",
        uploads.SubtitlesView.as_view(),
        name="api-upload-subtitles",
    ),
    path("jobs/<int:pk>", jobs.JobView.as_view(), name="api-job"),
    path("jobs/<int:pk>/cancel", jobs.CancelJobView.as_view(), name="api-job-cancel"),
    path("imports", imports.ImportsView.as_view(), name="api-imports"),
    path("archive", archive.ArchiveView.as_view(), name="api-archive"),
    path(
        "archive/<int:pk>/restore",
        archive.RestoreArchivedView.as_view(),
        name="api-archive-restore",
    ),
    path("quota", accounts.QuotaView.as_view(), name="api-quota"),
    path("users/<str:username>/quota", accounts.UserQuotaView.as_view(), name="api-user-quota"),
    path("schema", documentation.Schema.as_view(), name="api-schema"),
    path("docs", documentation.docs, name="api-docs"),
]
