"""Addresses of the owners' pages of retention."""

from __future__ import annotations

from django.urls import path

from retention import views

urlpatterns = [
    path("keep-requests", views.ask_to_keep, name="ask-to-keep"),
    path("keep-requests/<int:pk>/withdraw", views.withdraw, name="withdraw-keep-request"),
    path("account/mails", views.mails, name="mails"),
]
