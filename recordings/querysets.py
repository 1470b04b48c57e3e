"""Sets of recordings, jobs and files, as adjectives."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Exists, OuterRef, Prefetch, Q
from django.db.models.functions import Now

from recordings import pictures
from recordings.ledger.models import Hold
from recordings.ledger.names import Kind
from recordings.ledger.permissions import ADMINISTER

if TYPE_CHECKING:
    from recordings.models import Recording, RecordingFile  # noqa: F401  (in the bases below)
    from recordings.processing.models import Job  # noqa: F401


def bound_to(user: Any) -> int | None:
    """Return the owner whose recordings alone a person may touch; None for administrators."""
    return None if user.has_perm(ADMINISTER) else user.pk


class RecordingQuerySet(models.QuerySet["Recording"]):
    def live(self) -> Self:
        return self.filter(trashed_at=None)

    def trashed(self) -> Self:
        return self.filter(trashed_at__isnull=False)

    def visible_to(self, user: Any) -> Self:
        """Everything for administrators, their own for owners, nothing for the anonymous."""
        if not user.is_authenticated:
            return self.none()
        owner_id = bound_to(user)
        return self if owner_id is None else self.filter(owner_id=owner_id)

    def held(self) -> Self:
        return self.filter(_held())

    def not_held(self) -> Self:
        return self.exclude(_held())

    def not_kept(self, until: datetime) -> Self:
        """Leave out what an administrator keeps for good or beyond a moment."""
        return self.exclude(Q(keep=True) | Q(keep_until__gt=until))

    def with_held(self) -> Self:
        """Annotate `is_held`, for lists that show it without a query a row."""
        return self.annotate(is_held=_held())

    def with_files(self) -> Self:
        """Prefetch current files, labels and the newest job: the same queries for any page."""
        from recordings.models import RecordingFile
        from recordings.processing.models import Job

        files = RecordingFile.objects.current().select_related("stored").order_by("kind", "id")
        jobs = Job.objects.newest_of_each_recording()
        return self.select_related("owner", *pictures.related).prefetch_related(
            "labels",
            Prefetch("files", queryset=files, to_attr="current_files"),
            Prefetch("jobs", queryset=jobs, to_attr="newest_jobs"),
        )


def _held() -> Exists | Q:
    active = Hold.objects.active()
    return Q(Exists(active.filter(recording_id=OuterRef("pk")))) | Q(
        Exists(active.filter(owner_id=OuterRef("owner_id")))
    )


class RecordingFileQuerySet(models.QuerySet["RecordingFile"]):
    def current(self) -> Self:
        """The files in use: the newest version of each kind."""
        return self.filter(superseded_at=None)

    def superseded(self) -> Self:
        return self.filter(superseded_at__isnull=False)

    def former(self) -> Self:
        """Files that others took the place of, with their sizes, the latest of each kind first."""
        return self.superseded().select_related("stored").order_by("kind", "-version")

    def due_originals(self) -> Self:
        """Originals whose stamped deadline has passed, by the database's clock."""
        return self.current().filter(kind=Kind.ORIGINAL, leaves_at__lte=Now())


class JobQuerySet(models.QuerySet["Job"]):
    def open(self) -> Self:
        from recordings.processing.models import Job

        return self.filter(state__in=Job.OPEN)

    def finished(self) -> Self:
        from recordings.processing.models import Job

        return self.exclude(state__in=Job.OPEN)

    def due(self) -> Self:
        """Queued and past its waiting time, by the database's clock."""
        from recordings.processing.models import Job

        return self.filter(state=Job.State.QUEUED, not_before__lte=Now())

    def newest_of_each_recording(self) -> Self:
        newer = self.model._base_manager.filter(
            recording_id=OuterRef("recording_id"), pk__gt=OuterRef("pk")
        )
        return self.filter(~Exists(newer))
