"""Retention policies and the switch that pauses them; what their runs did is in history.py.

A policy says how long things live. It may delete only in the version an administrator accepted:
any change of what it removes raises the version, in `save()` and in bulk edits alike.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any, ClassVar, Final, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import F, Prefetch, Q
from django.db.models.functions import Now
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from recordings.spans import HUNDRED_YEARS
from retention.choices import Action, Clock
from retention.decide import Rules
from retention.scopes import People, meet

LONGEST_AGE: Final = HUNDRED_YEARS
LONGEST_INTERVAL: Final = 366 * 24 * 60 * 60  # seconds
# What a policy removes; a change of any of these needs to be accepted.
RULE_FIELDS: Final = frozenset({
    "target", "clock", "max_age_seconds", "keep_newest", "max_total_bytes", "disk_high_percent",
    "disk_low_percent", "scope", "action", "path", "glob", "recursive", "limit_items",
    "limit_bytes", "limit_percent",
})  # fmt: skip
# What the periodic task of a policy is made from.
SCHEDULE_FIELDS: Final = frozenset({
    "enabled", "action", "crontab", "timezone", "every_seconds", "version", "accepted_version",
    "slug",
})  # fmt: skip


def default_timezone() -> str:
    return str(settings.TIME_ZONE)


def everyone() -> dict[str, list[Any]]:
    """The scope that leaves nobody out."""
    return {"owners": [], "groups": [], "labels": []}


class RetentionPolicyQuerySet(models.QuerySet["RetentionPolicy"]):
    def accepted(self) -> Self:
        """Policies that may act: accepted as they are, or only reporting."""
        return self.filter(Q(accepted_version=F("version")) | Q(action=Action.REPORT))

    def in_force(self) -> Self:
        """Policies that act by themselves."""
        return self.accepted().filter(enabled=True)

    def with_last_run(self, **of: Any) -> Self:
        """Prefetch each policy's last run, or the last of a mode, in one query for any page."""
        newest = RetentionRun.objects.newest_of_each_policy(**of).with_what_went()
        return self.prefetch_related(Prefetch("runs", queryset=newest, to_attr="last_runs"))

    def update(self, **values: Any) -> int:
        """Edit in bulk; versions rise and periodic tasks follow, as in `save()`."""
        if not (RULE_FIELDS | SCHEDULE_FIELDS) & values.keys():
            return super().update(**values)
        if RULE_FIELDS & values.keys():
            values.setdefault("version", F("version") + 1)
        with transaction.atomic():
            pks = list(self.values_list("pk", flat=True))
            count = super().update(**values)
            sync_after_commit(pks)
        return count


class RetentionPolicy(models.Model):
    """What is removed, when, and how.

    An age counts from `clock`. The scope names owners and groups by id (those people's things)
    and labels by name; an empty list leaves nobody out. A user who is gone leaves his id here, so
    that a policy for one person never becomes one for everybody.
    """

    slug = models.SlugField(max_length=80, unique=True, blank=True)
    name = models.CharField(max_length=200)
    target = models.CharField(max_length=32)
    enabled = models.BooleanField(default=True)
    clock = models.CharField(
        max_length=12, choices=Clock, blank=True, help_text=_("Empty: the target's usual one.")
    )
    max_age_seconds = models.BigIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(LONGEST_AGE)],
        help_text=_("Older than this, in seconds; 0 means everything."),
    )
    keep_newest = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("So many of each owner stay, by the clock.")
    )
    max_total_bytes = models.BigIntegerField(
        null=True, blank=True, validators=[MinValueValidator(0)]
    )
    disk_high_percent = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text=_("Only while the disk is at least so full...")
    )
    disk_low_percent = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text=_("...and only until it is so full.")
    )
    scope = models.JSONField(default=everyone, blank=True)
    action = models.CharField(max_length=8, choices=Action)
    path = models.CharField(max_length=500, blank=True)
    glob = models.CharField(max_length=200, blank=True)
    recursive = models.BooleanField(default=False)
    crontab = models.CharField(
        max_length=200,
        blank=True,
        help_text=_(
            "Minute, hour, day of month, month, day of week: “0 2 * * *” is every day at "
            "02:00. Days of month and week must both fit."
        ),
    )
    timezone = models.CharField(_("time zone"), max_length=64, default=default_timezone)
    every_seconds = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_INTERVAL)],
        help_text=_("Instead of a crontab."),
    )
    at_startup = models.BooleanField(
        _("at start-up"), default=False, help_text=_("Also once whenever the scheduler starts.")
    )
    backup_first = models.BooleanField(default=False)
    limit_items = models.PositiveBigIntegerField(
        null=True, blank=True, help_text=_("A run over this waits for approval.")
    )
    limit_bytes = models.PositiveBigIntegerField(
        null=True, blank=True, help_text=_("A run over this waits for approval.")
    )
    limit_percent = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(100)],
        help_text=_("Of all in the scope, from 100 items up; a run over this waits for approval."),
    )
    notify_mail = models.BooleanField(
        _("mail a summary"),
        default=False,
        help_text=_("To the administrators, after each run that found something."),
    )
    notify_webhook = models.BooleanField(
        _("send a summary to the webhook"), default=False, help_text=_("Likewise.")
    )
    shipped = models.BooleanField(default=False, editable=False)  # came with the site
    version = models.PositiveIntegerField(default=1, editable=False)
    accepted_version = models.PositiveIntegerField(null=True, editable=False)
    accepted_rules = models.JSONField(default=dict, editable=False)  # RULE_FIELDS of that version
    accepted_by = models.CharField(max_length=150, blank=True, editable=False)
    accepted_at = models.DateTimeField(null=True, editable=False)
    next_due_at = models.DateTimeField(null=True, editable=False)  # claimed by whoever rings
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = RetentionPolicyQuerySet.as_manager()

    # Set by meet() and RetentionPolicyQuerySet.with_last_run(), for lists.
    people: People | None = None
    last_runs: list[RetentionRun]

    OURS: ClassVar[tuple[str, ...]] = (
        "accepted_version", "accepted_rules", "accepted_by", "accepted_at", "next_due_at",
    )  # fmt: skip

    class Meta:
        verbose_name = _("retention policy")
        verbose_name_plural = _("retention policies")
        ordering = ["name", "id"]
        permissions = [("administer", "Can administer retention and see everyone's recordings")]
        constraints = [
            models.CheckConstraint(
                condition=Q(max_age_seconds__isnull=False)
                | Q(keep_newest__isnull=False)
                | Q(max_total_bytes__isnull=False)
                | Q(disk_high_percent__isnull=False),
                name="policy_has_a_rule",
            ),
            models.CheckConstraint(
                condition=Q(max_age_seconds=None)
                | Q(max_age_seconds__gte=0, max_age_seconds__lte=LONGEST_AGE),
                name="policy_age_in_bounds",
            ),
            models.CheckConstraint(
                condition=Q(max_total_bytes=None) | Q(max_total_bytes__gte=0),
                name="policy_total_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(disk_high_percent=None, disk_low_percent=None)
                | Q(
                    disk_high_percent__lte=100,
                    disk_low_percent__lt=F("disk_high_percent"),
                    disk_low_percent__isnull=False,
                    disk_high_percent__isnull=False,
                ),
                name="policy_disk_marks_in_order",
            ),
            models.CheckConstraint(
                condition=Q(crontab="") | Q(every_seconds=None), name="policy_one_schedule"
            ),
            models.CheckConstraint(
                condition=Q(every_seconds=None) | Q(every_seconds__gte=1),
                name="policy_interval_positive",
            ),
            models.CheckConstraint(
                condition=Q(action__in=Action.values), name="policy_action_is_known"
            ),
            models.CheckConstraint(condition=~Q(slug=""), name="policy_has_a_slug"),
            models.CheckConstraint(
                condition=Q(accepted_version=None) | Q(accepted_version__lte=F("version")),
                name="policy_accepted_is_no_future_version",
            ),
        ]
        indexes = [
            # Read by schedule.due() on every tick.
            models.Index(
                fields=["next_due_at"],
                condition=Q(next_due_at__isnull=False),
                name="policy_next_due",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store, raising the version when what is removed changed since the stored row."""
        self.slug = self.slug or self._free_slug()
        with transaction.atomic():
            if self.pk and (former := self._stored()):
                self._follow(former)
                if (fields := kwargs.get("update_fields")) is not None:
                    kwargs["update_fields"] = {*fields, "version"}
            super().save(*args, **kwargs)

    def _stored(self) -> RetentionPolicy | None:
        return RetentionPolicy._base_manager.select_for_update().filter(pk=self.pk).first()

    def _follow(self, former: RetentionPolicy) -> None:
        """Take from the stored row what an older copy in hand must not set back."""
        changed = any(getattr(self, name) != getattr(former, name) for name in RULE_FIELDS)
        self.version = former.version + (1 if changed else 0)
        for name in self.OURS:
            setattr(self, name, getattr(former, name))

    def _free_slug(self) -> str:
        base = slugify(self.name)[:60] or f"{self.target}-policy"
        taken = set(
            RetentionPolicy._base_manager.filter(slug__startswith=base).values_list(
                "slug", flat=True
            )
        )
        names = (base if number == 1 else f"{base}-{number}" for number in range(1, 10_000))
        return next(name for name in names if name not in taken)

    def clean(self) -> None:
        """Raise ValidationError where rules, action or schedule do not fit the target."""
        from retention import fit

        fit.tidy(self)
        if problems := fit.problems(self):
            raise ValidationError(problems)

    @property
    def last_run(self) -> RetentionRun | None:
        """The newest run, without a query where it came `with_last_run()`."""
        if hasattr(self, "last_runs"):
            return next(iter(self.last_runs), None)
        return self.runs.order_by("-id").first()

    @property
    def known_people(self) -> People:
        """The names of the scope's people, looked up where `meet` was not asked before."""
        if self.people is None:
            meet([self])
        return self.people or People()

    @property
    def may_act(self) -> bool:
        return self.action == Action.REPORT or self.accepted_version == self.version

    @property
    def title(self) -> str:
        """How trash, receipts and logs name this policy as the reason."""
        return f"policy {self.slug} v{self.version}"

    @property
    def is_scoped(self) -> bool:
        return any(self.scope.get(name) for name in everyone())

    @property
    def is_promise(self) -> bool:
        """Whether its age is how long everyone's things stay before it deletes them."""
        return self.action == Action.DELETE and not self.is_scoped

    @property
    def limits(self) -> dict[str, int]:
        found = {
            "items": self.limit_items,
            "bytes": self.limit_bytes,
            "percent": self.limit_percent,
        }
        return {name: limit for name, limit in found.items() if limit is not None}

    @property
    def summary(self) -> str:
        """One plain sentence of what the policy does and when."""
        from retention import words

        return words.summary(self)

    def rules(self) -> Rules:
        return Rules(
            max_age=timedelta(seconds=self.max_age_seconds or 0),
            keep_newest=self.keep_newest,
            max_total=self.max_total_bytes,
            disk=self.disk_high_percent is not None,
        )

    def accept(self, *, version: int, by: str) -> bool:
        """Let the policy act as it was in `version`; False when it has changed since."""
        mine = RetentionPolicy.objects.filter(pk=self.pk, version=version)
        with transaction.atomic():
            rules = mine.select_for_update().values(*sorted(RULE_FIELDS)).first()
            accepted = rules and mine.update(
                accepted_version=version, accepted_rules=rules, accepted_by=by, accepted_at=Now()
            )
        self.refresh_from_db()
        return bool(accepted)

    def as_accepted(self) -> RetentionPolicy | None:
        """Return a copy, not to be stored, with the rules that were accepted last."""
        if self.accepted_version == self.version:
            return self
        if not self.accepted_rules:
            return None
        known = {
            name: self.accepted_rules[name] for name in RULE_FIELDS & self.accepted_rules.keys()
        }
        return RetentionPolicy(pk=self.pk, slug=self.slug, **known)


def sync_after_commit(pks: Collection[int]) -> None:
    """Bring the periodic tasks in step once the change is committed."""
    for pk in pks:
        _sync_after_commit(pk)


def _sync_after_commit(pk: int) -> None:
    from retention import schedule

    transaction.on_commit(lambda: schedule.sync_policy(pk), robust=True)


from retention.figures import Forecast, StorageSnapshot  # noqa: E402
from retention.history import RetentionRun, RunItem  # noqa: E402  (they point at policies)
from retention.monitor import Figure, HealthAlert, HealthThresholds  # noqa: E402
from retention.notify import Notice  # noqa: E402
from retention.people import Correspondent, KeepRequest, NoticeSent  # noqa: E402
from retention.switch import RetentionSwitch  # noqa: E402

__all__ = [
    "Correspondent",
    "Figure",
    "Forecast",
    "HealthAlert",
    "HealthThresholds",
    "KeepRequest",
    "Notice",
    "NoticeSent",
    "RetentionPolicy",
    "RetentionPolicyQuerySet",
    "RetentionRun",
    "RetentionSwitch",
    "RunItem",
    "StorageSnapshot",
]
