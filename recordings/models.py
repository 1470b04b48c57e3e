"""The library's tables: recordings, their files, labels, API tokens.

Jobs and source rules live in `processing/models.py`; bytes and quotas in the ledger.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from django.conf import settings
from django.db import models
from django.db.models import CASCADE, PROTECT, Q, QuerySet
from django.db.models.deletion import Collector, ProtectedError
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from recordings.ledger.models import Hold, StoredFile
from recordings.ledger.names import Kind
from recordings.querysets import RecordingFileQuerySet, RecordingQuerySet

if TYPE_CHECKING:
    from recordings.processing.models import Job

TITLE_LENGTH = 300
DESCRIPTION_LENGTH = 20_000
LABEL_LENGTH = 100
# Kinds of which one version is in use at a time; finals and session audio may be several.
ONE_CURRENT = ("original", "trimmed", "audio", "transcript", "topics", "subtitles", "poster")


def refuse_while_live(collector: Collector, field: Any, rows: Any, using: str) -> None:
    """Let a user go with what he has in the trash, never with a live recording.

    Raises ProtectedError, as PROTECT does.
    """
    if live := list(rows.filter(trashed_at=None)[:1]):
        raise ProtectedError(
            "This user still has recordings: transfer them or move them to the trash first.",
            set(live),
        )
    CASCADE(collector, field, rows, using)


class Label(models.Model):
    """A word an owner sorts recordings by; policies can name it in their scope."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=CASCADE, related_name="labels")
    name = models.CharField(max_length=LABEL_LENGTH)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="label_once_per_owner"),
        ]

    def __str__(self) -> str:
        return self.name


class Recording(models.Model):
    """A lecture, meeting or screen capture of one owner, whatever files it has at the moment.

    uploading -> queued -> processing -> ready | failed | cancelled; with `process=false` straight
    to ready. Trash is beside the state: `trashed_at` with the deadline `purge_after` stamped then.
    """

    class State(models.TextChoices):
        UPLOADING = "uploading", _("uploading")
        QUEUED = "queued", _("waiting")
        PROCESSING = "processing", _("being processed")
        READY = "ready", _("ready")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=refuse_while_live, related_name="recordings"
    )
    title = models.CharField(_("title"), max_length=TITLE_LENGTH)
    description = models.TextField(_("description"), blank=True, max_length=DESCRIPTION_LENGTH)
    language = models.CharField(_("language"), max_length=16, blank=True)
    original_name = models.CharField(max_length=255, blank=True)  # the client's, for display only
    labels = models.ManyToManyField(Label, blank=True, related_name="recordings")
    state = models.CharField(max_length=12, choices=State, default=State.UPLOADING)
    warning = models.TextField(blank=True)  # what went wrong after the rendition stood
    keep = models.BooleanField(
        _("keep"), default=False, help_text=_("No policy removes this recording.")
    )
    keep_until = models.DateTimeField(
        _("keep until"),
        null=True,
        blank=True,
        help_text=_("No policy removes this recording before."),
    )
    duration = models.FloatField(null=True, blank=True)  # seconds
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    trim_start = models.FloatField(null=True, blank=True)  # seconds, the owner's in point
    trim_end = models.FloatField(null=True, blank=True)  # seconds, the owner's out point
    given_captions = models.TextField(blank=True)  # SRT or VTT that came with the upload
    recorded_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    processed_at = models.DateTimeField(null=True, blank=True)
    last_watched_at = models.DateTimeField(null=True, blank=True)
    expire_at = models.DateTimeField(_("leaves on"), null=True, blank=True)
    trashed_at = models.DateTimeField(null=True, blank=True)
    trashed_by = models.CharField(max_length=200, blank=True)  # a person, or policy and version
    purge_after = models.DateTimeField(null=True, blank=True)  # stamped when trashed
    # The last number used in a name, by kind; never goes back, so no name comes twice.
    numbers = models.JSONField(default=dict, editable=False)

    objects = RecordingQuerySet.as_manager()

    # Set by RecordingQuerySet.with_files() and with_held().
    current_files: list[RecordingFile]
    newest_jobs: list[Job]
    is_held: bool
    stored_size: int  # bytes of all its files, former ones too; set by trash.set_sizes()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(trashed_at=None, purge_after=None)
                | Q(trashed_at__isnull=False, purge_after__isnull=False),
                name="recording_trash_has_a_deadline",
            ),
        ]
        indexes = [
            # Keyset pages of an owner's library and trash, newest first. With what a policy's scope
            # asks, so that a million recordings are ranked without a look at the table.
            models.Index(
                fields=["owner", "-created_at", "-id"],
                include=["state", "keep", "keep_until"],
                condition=Q(trashed_at=None),
                name="recording_library",
            ),
            models.Index(
                fields=["owner", "-trashed_at", "-id"],
                condition=Q(trashed_at__isnull=False),
                name="recording_trash",
            ),
            # The administrators' lists, and sweeps by age.
            models.Index(fields=["-created_at", "-id"], name="recording_newest"),
            # The sweep of the trash.
            models.Index(
                fields=["purge_after", "id"],
                condition=Q(trashed_at__isnull=False),
                name="recording_purge_after",
            ),
            # The sweep of recordings with a date of their own.
            models.Index(
                fields=["expire_at", "id"],
                condition=Q(expire_at__isnull=False, trashed_at=None),
                name="recording_expire",
            ),
            # Read by recover() on every tick.
            models.Index(fields=["id"], condition=Q(state="uploading"), name="recording_uploading"),
        ]

    def __str__(self) -> str:
        return self.title

    def holds(self) -> QuerySet[Hold]:
        """The holds in force on this recording or its owner."""
        return Hold.objects.active().covering(owner_ids=[self.owner_id], recording_ids=[self.pk])

    @property
    def is_kept(self) -> bool:
        """Whether an administrator keeps it from the policies, for good or for now."""
        return self.keep or (self.keep_until is not None and self.keep_until > timezone.now())

    @property
    def is_sound_alone(self) -> bool:
        """Whether it was looked at and has no pictures."""
        return self.width is None and self.duration is not None

    @property
    def is_spoilt(self) -> bool:
        """Whether processing made nothing of it."""
        return self.state in {self.State.FAILED, self.State.CANCELLED}

    @property
    def open_job(self) -> Job | None:
        return self.jobs.open().first()

    @property
    def newest_job(self) -> Job | None:
        """The last job of a recording that came `with_files()`."""
        return next(iter(self.newest_jobs), None)

    @property
    def size(self) -> int:
        """Bytes of the current files of a recording that came `with_files()`."""
        return sum(file.stored.size for file in self.current_files)

    def file(self, kind: Kind) -> RecordingFile | None:
        """Return the current file of a kind."""
        return self.files.current().filter(kind=kind).select_related("stored").first()

    def first_file(self, kinds: Sequence[Kind]) -> RecordingFile | None:
        """Return the current file of the first of these kinds that stands."""
        files = self.files.current().filter(kind__in=kinds).select_related("stored")
        return min(files, key=lambda file: kinds.index(Kind(file.kind)), default=None)

    def take_number(self, kind: Kind) -> int:
        """Return the next number for names of a kind; the caller holds this row's lock."""
        number = int(self.numbers.get(kind, 0)) + 1
        self.numbers[kind] = number
        self.save(update_fields=["numbers"])
        return number


class RecordingFile(models.Model):
    """What one stored file means to a recording. Deleting the row releases the bytes."""

    recording = models.ForeignKey(Recording, on_delete=CASCADE, related_name="files")
    kind = models.CharField(max_length=16, choices=Kind)
    version = models.PositiveIntegerField(default=1)
    stored = models.OneToOneField(StoredFile, on_delete=PROTECT, related_name="recording_file")
    draft = models.BooleanField(default=False)  # made by a rough transcriber, to be corrected
    edited = models.BooleanField(default=False)  # by a person; never removed as superseded
    cut_length = models.FloatField(null=True, blank=True)  # seconds of the cut it was edited for
    created_at = models.DateTimeField(db_default=Now())
    superseded_at = models.DateTimeField(null=True, blank=True)
    leaves_at = models.DateTimeField(null=True, blank=True)  # stamped by a source rule
    leaves_because = models.CharField(max_length=200, blank=True)

    objects = RecordingFileQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["recording", "kind"],
                condition=Q(superseded_at=None) & Q(kind__in=ONE_CURRENT),
                name="recording_file_one_current",
            ),
        ]
        indexes = [
            # Read by the tick that carries out source rules.
            models.Index(
                fields=["leaves_at"],
                condition=Q(leaves_at__isnull=False),
                name="recording_file_leaving",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.recording_id}"

    @property
    def extension(self) -> str:
        """Of its name, which came from its bytes; without the dot."""
        return str(self.stored.file.name).rpartition(".")[2]

    @property
    def url(self) -> str:
        """Where `media` serves it."""
        return str(settings.MEDIA_URL) + quote(str(self.stored.file.name))

    @property
    def vtt_url(self) -> str | None:
        """Where stored SRT is served as WebVTT, which is what browsers show."""
        return f"{self.url}.vtt" if self.kind == Kind.SUBTITLES else None


class ApiToken(models.Model):
    """A named key for the API, kept as a hash; the key itself is shown once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    USE_NOTED_EVERY: ClassVar[timedelta] = timedelta(minutes=10)  # one write, not one a request

    class Meta:
        verbose_name = "key for the API"
        verbose_name_plural = "keys for the API"

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"

    @classmethod
    def make(cls, user: Any, *, name: str) -> tuple[ApiToken, str]:
        """Return a new token and its key, which is not kept."""
        key = secrets.token_urlsafe(32)
        return cls.objects.create(user=user, name=name, digest=cls.hash(key)), key

    @staticmethod
    def hash(key: str) -> str:
        # The key is random and long, so a plain hash cannot be searched back.
        return hashlib.sha256(key.encode()).hexdigest()

    def revoke(self) -> bool:
        return bool(ApiToken.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=Now()))


class Closure(models.Model):
    """An account on its way out; see closing.py. Outlives the user, so it keeps plain ids."""

    owner_id = models.BigIntegerField()
    owner_name = models.CharField(max_length=150)
    closed_by = models.CharField(max_length=150)
    transfer_to = models.BigIntegerField(null=True)  # the user who gets the recordings
    at_once = models.BooleanField(default=False)  # for ever, without a stay in the trash
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    moved = models.PositiveIntegerField(default=0)  # recordings transferred, trashed or erased
    message = models.TextField(blank=True)  # what it waits for, in words

    class Meta:
        verbose_name = "closed account"
        verbose_name_plural = "closed accounts"
        constraints = [
            # Also the index that close_account() reads.
            models.UniqueConstraint(
                fields=["owner_id"], condition=Q(finished_at=None), name="closure_one_open"
            ),
            models.CheckConstraint(
                condition=Q(transfer_to=None) | Q(at_once=False), name="closure_goes_one_way"
            ),
        ]

    def __str__(self) -> str:
        return f"closing of {self.owner_name}"


from recordings.archive_models import ArchivedFile, ArchivedRecording  # noqa: E402
from recordings.editing.models import EditingSession  # noqa: E402
from recordings.processing.models import Job, SourceRule  # noqa: E402  (they point at Recording)
from recordings.uploads.models import ResumableUpload  # noqa: E402

__all__ = [
    "ApiToken",
    "ArchivedFile",
    "ArchivedRecording",
    "Closure",
    "EditingSession",
    "Job",
    "Label",
    "Recording",
    "RecordingFile",
    "ResumableUpload",
    "SourceRule",
]
