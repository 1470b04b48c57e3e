"""The admin site itself: its name, and what is not shown in it."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig


class LibraryAdminConfig(AdminConfig):
    default_site = "recordings.admin_site.LibraryAdminSite"


class LibraryAdminSite(AdminSite):
    """Leaves out beat's rows, which are derived copies and whose task names are code, and axes'."""

    site_header = "mediasite"
    site_title = "mediasite"
    index_title = "Administration"
    HIDDEN = frozenset({"django_celery_beat", "axes"})

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        models: Any = model_or_iterable
        if isinstance(model_or_iterable, type):
            models = [model_or_iterable]
        shown = [model for model in models if model._meta.app_label not in self.HIDDEN]
        super().register(shown, admin_class, **options)
