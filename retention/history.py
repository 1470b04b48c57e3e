"""What runs did: the runs and the items they found."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from retention.choices import Mode, Outcome, State


class RetentionRunQuerySet(models.QuerySet["RetentionRun"]):
    def open(self) -> Self:
        return self.filter(state__in=RetentionRun.OPEN)

    def newest_of_each_policy(self, **of: Any) -> Self:
        """Keep the last run of each policy, or the last of those that are `of` some kind."""
        newer = self.model._base_manager.filter(policy=OuterRef("policy"), pk__gt=OuterRef("pk"))
        return self.filter(~Exists(newer.filter(**of)), **of)

    def current(self) -> Self:
        """Runs of policies that are as they were then; see is_outdated."""
        return self.filter(policy_version=F("policy__version"))

    def with_what_went(self) -> Self:
        """Say beside each run what the first thing was that it removed, and how."""
        gone = RunItem.objects.filter(run=OuterRef("pk"), outcome__in=RunItem.WENT)
        first = gone.order_by("outcome", "pk")
        kind, outcome = (Subquery(first.values(name)[:1]) for name in ("kind", "outcome"))
        return self.annotate(went_kind=kind, went_outcome=outcome)

    def idle(self) -> Self:
        """Scheduled runs that ended well and matched nothing."""
        return self.filter(
            mode=Mode.EXECUTE, started_by="schedule", approved_by="",
            state=State.SUCCEEDED, matched=0,
        )  # fmt: skip


class RetentionRun(models.Model):
    """One preview or run of a policy, claimed by token and alive by lease.

    queued -> running -> planned (a preview) | waiting (over a limit) | succeeded | partial (some
    failed) | refused (unsafe) | failed | cancelled; planned and waiting -> queued when approved;
    undoing -> undone when what it moved to the trash is, and was, brought back.
    matched = deleted + skipped + failed once it has ended well. The policy may go; its slug and
    version stay.
    """

    OPEN: ClassVar[tuple[str, ...]] = (State.QUEUED, State.RUNNING)
    APPROVABLE: ClassVar[tuple[str, ...]] = (State.PLANNED, State.WAITING)
    BAD: ClassVar[tuple[str, ...]] = (State.FAILED, State.PARTIAL, State.REFUSED)
    UNDOABLE: ClassVar[tuple[str, ...]] = (
        State.SUCCEEDED, State.PARTIAL, State.REFUSED, State.FAILED, State.CANCELLED,
    )  # fmt: skip

    policy = models.ForeignKey(
        "retention.RetentionPolicy", on_delete=models.SET_NULL, null=True, related_name="runs"
    )
    policy_slug = models.CharField(max_length=80)
    policy_version = models.PositiveIntegerField()
    mode = models.CharField(max_length=8, choices=Mode)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    started_by = models.CharField(max_length=150)  # a person, `schedule`, `start-up`, a command
    approved_by = models.CharField(max_length=150, blank=True)
    matched = models.PositiveBigIntegerField(default=0)
    deleted = models.PositiveBigIntegerField(default=0)  # moved to the trash included
    skipped = models.PositiveBigIntegerField(default=0)
    failed = models.PositiveBigIntegerField(default=0)
    bytes_matched = models.PositiveBigIntegerField(default=0)
    bytes_freed = models.PositiveBigIntegerField(default=0)
    message = models.TextField(blank=True)
    claim = models.UUIDField(null=True)
    claimed_by = models.CharField(max_length=255, blank=True)  # leases.holder()
    lease_until = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    undone_by = models.CharField(max_length=150, blank=True)
    undo_position = models.BigIntegerField(default=0)  # the last item that undoing looked at
    restored = models.PositiveBigIntegerField(default=0)  # by undoing it
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    planned_at = models.DateTimeField(null=True)  # from then on nothing joins its items
    finished_at = models.DateTimeField(null=True)

    objects = RetentionRunQuerySet.as_manager()

    # Set by RetentionRunQuerySet.with_what_went(), for lists.
    went_kind: str | None
    went_outcome: str | None

    class Meta:
        verbose_name = _("run")
        ordering = ["-id"]
        constraints = [
            # Single flight, whoever starts it.
            models.UniqueConstraint(
                fields=["policy"],
                condition=Q(state__in=("queued", "running")),
                name="run_one_open_per_policy",
            ),
        ]
        indexes = [
            # Read by runs.recover() and runs.waiting() on every tick.
            models.Index(
                fields=["state", "lease_until"],
                condition=Q(state__in=("queued", "running")),
                name="run_open",
            ),
            # Read by undo.waiting() on every tick.
            models.Index(fields=["id"], condition=Q(state="undoing"), name="run_undoing"),
            # The last run of a policy, and its history.
            models.Index(fields=["policy", "-id"], name="run_of_policy"),
        ]

    def __str__(self) -> str:
        return f"run {self.pk} of {self.policy_slug}"

    def bytes_going(self) -> int:
        """Add up what goes, or went: the items that nothing kept."""
        items = self.items.exclude(outcome__in=(Outcome.SKIPPED, Outcome.FAILED))
        return int(items.aggregate(total=models.Sum("size", default=0))["total"])

    @property
    def done(self) -> int:
        """How many of its items it has dealt with, or left because something keeps them."""
        return self.deleted + self.skipped + self.failed

    @property
    def title(self) -> str:
        """How the trash names the policy and version that this run carried out."""
        return f"policy {self.policy_slug} v{self.policy_version}"

    @property
    def policy_name(self) -> str:
        """How pages name its policy; by the slug it had where that is gone."""
        return self.policy.name if self.policy else self.policy_slug

    @property
    def stands(self) -> str:
        """How it stands in a few words."""
        from retention import words

        return words.stands(self)

    @property
    def is_undoable(self) -> bool:
        """Whether it may have something in the trash; how much of it is left, `undo` finds out."""
        trashed = self.items.filter(outcome=Outcome.TRASHED)
        return self.state in self.UNDOABLE and trashed.exists()

    @property
    def by_itself(self) -> bool:
        """Whether nobody but the schedule asked for it."""
        return self.started_by == "schedule" and not self.approved_by

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN

    @property
    def is_being_undone(self) -> bool:
        return self.state == State.UNDOING

    @property
    def is_moving(self) -> bool:
        """Whether a worker is at it, or soon will be."""
        return self.is_open or self.is_being_undone

    @property
    def undo_progress(self) -> tuple[int, int]:
        """Of the items that went to the trash, how many undoing looked at, and how many are."""
        trashed = self.items.filter(outcome=Outcome.TRASHED)
        return trashed.filter(pk__lte=self.undo_position).count(), trashed.count()

    @property
    def is_bad(self) -> bool:
        return self.state in self.BAD

    @property
    def is_approvable(self) -> bool:
        return self.state in self.APPROVABLE

    @property
    def is_outdated(self) -> bool:
        """Whether its policy is gone or another by now, so that nobody can approve it any more."""
        return self.policy is None or self.policy.version != self.policy_version

    @property
    def what_went(self) -> tuple[str, str]:
        """Kind and outcome of the first thing it removed, or of nothing; see with_what_went."""
        if hasattr(self, "went_kind"):
            return self.went_kind or "", self.went_outcome or ""
        gone = self.items.filter(outcome__in=RunItem.WENT).order_by("outcome", "pk")
        return gone.values_list("kind", "outcome").first() or ("", "")


class RunItem(models.Model):
    """One thing a run found and what became of it; plain ids, since it outlives what it names."""

    WENT: ClassVar[tuple[str, ...]] = (Outcome.DELETED, Outcome.TRASHED)

    run = models.ForeignKey(RetentionRun, on_delete=models.CASCADE, related_name="items")
    kind = models.CharField(max_length=32)  # slug of the target
    row_id = models.BigIntegerField(null=True)  # of the row; null for a file without one
    name = models.CharField(max_length=512)
    recording_id = models.BigIntegerField(null=True)
    owner_id = models.BigIntegerField(null=True)
    size = models.BigIntegerField(default=0)  # bytes
    reason = models.CharField(max_length=500, blank=True)
    outcome = models.CharField(max_length=8, choices=Outcome)
    detail = models.TextField(blank=True)

    class Meta:
        indexes = [
            # Pages of a run's items, and what is left of a plan.
            models.Index(fields=["run", "outcome", "id"], name="run_item_outcome"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def why(self) -> str:
        """Say why it went or stayed, naming the policy as pages do where the row says its title."""
        run = self.run
        named = f"“{run.policy_name}”, version {run.policy_version}"
        return self.detail or self.reason.replace(run.title, named, 1)

    @property
    def key(self) -> int | str:
        """How targets know it: by the id of its row, else by name."""
        return self.name if self.row_id is None else self.row_id
