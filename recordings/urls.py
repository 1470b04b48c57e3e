"""Addresses of the owners' pages."""

from __future__ import annotations

from django.contrib.auth import views as auth
from django.urls import path, reverse_lazy

from recordings import accounts, import_page, upload_page, views
from recordings.editing import pages as editing

urlpatterns = [
    path("", views.library, name="library"),
    path("upload", upload_page.upload, name="upload"),
    path("imports", import_page.imports_page, name="imports"),
    path("imports/list", import_page.imports_list, name="imports-list"),
    path("imports/<int:pk>/cancel", import_page.cancel_import, name="cancel-import"),
    path("imports/<int:pk>/again", import_page.import_again, name="import-again"),
    path("imports/<int:pk>/remove", import_page.remove_import, name="remove-import"),
    path("recordings/<int:pk>", views.recording, name="recording"),
    path("recordings/<int:pk>/job", views.job, name="job"),
    path("recordings/<int:pk>/edit", views.edit, name="edit"),
    path("recordings/<int:pk>/process", views.process, name="process"),
    path("recordings/<int:pk>/cancel", views.cancel, name="cancel"),
    path("recordings/<int:pk>/captions", editing.captions, name="captions"),
    path("recordings/<int:pk>/finals/<int:file>/remove", editing.remove_final, name="remove-final"),
    path("sessions/<int:pk>", editing.editor, name="captions-editor"),
    path("trash", views.trash_page, name="trash"),
    path("trash/move", views.move_to_trash, name="move-to-trash"),
    path("trash/restore", views.restore, name="restore"),
    path("trash/erase", views.erase, name="erase"),
    path("account", accounts.account, name="account"),
    path("account/keys/<int:pk>/revoke", accounts.revoke, name="revoke"),
    path(
        "account/password",
        auth.PasswordChangeView.as_view(success_url=reverse_lazy("account")),
        name="password",
    ),
    path("sign-in", auth.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("sign-out", accounts.sign_out, name="logout"),
]
