"""Policies that are saved or deleted take their periodic tasks along."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from retention.models import RetentionPolicy, sync_after_commit


@receiver([post_save, post_delete], sender=RetentionPolicy)
def sync(instance: RetentionPolicy, **kwargs: Any) -> None:
    sync_after_commit([instance.pk])
