"""The form of a policy: spans as words, people and labels by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from recordings.forms import SpanField
from recordings.ledger.forms import BytesField
from retention.models import RetentionPolicy
from retention.targets import get, targets


class NamesField(forms.CharField):
    """Names with commas between."""

    widget = forms.TextInput(attrs={"class": "vTextField"})

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        return [name.strip() for name in str(value or "").split(",") if name.strip()]


def removed_by(sentences: Iterable[tuple[str, str]]) -> SafeString:
    """Say of each target what it removes and what never, in a list that opens when asked."""
    rows = format_html_join("", "<dt>{}</dt><dd>{}</dd>", sentences)
    summary = "What each of them removes, and what never"
    return format_html("<details><summary>{}</summary><dl>{}</dl></details>", summary, rows)


def target_choices() -> list[tuple[str, str]]:
    """Every target with the name that people know it by, in the order of the names."""
    names = sorted((capfirst(kind.noun), slug) for slug, kind in targets().items())
    return [(slug, name) for name, slug in names]


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    target = forms.ChoiceField(choices=[])
    max_age_seconds = SpanField(
        label="Older than",
        required=False,
        help_text="Such as 180 days, 24 h, or a number of seconds; 0 means everything.",
    )
    max_total_bytes = BytesField(
        label="Until they fit into",
        required=False,
        help_text="Such as 2 TB: of everything in the scope, the newest that fit stay.",
    )
    every_seconds = SpanField(
        label="Or every", required=False, help_text="Such as 6 hours, instead of a crontab."
    )
    limit_bytes = BytesField(
        label="More bytes than", required=False, help_text="Such as 500 GB; empty: no limit."
    )
    owners = NamesField(
        required=False, help_text="User names with commas between; empty means everyone."
    )
    groups = forms.ModelMultipleChoiceField(Group.objects.order_by("name"), required=False)
    labels = NamesField(required=False, help_text="With one of these labels; commas between.")

    class Meta:
        model = RetentionPolicy
        labels = {
            "clock": "Age counts from",
            "keep_newest": "But keep the newest",
            "disk_high_percent": "While the disk is over (%)",
            "disk_low_percent": "Down to (%)",
            "path": "Folder",
            "glob": "Called",
            "recursive": "With its subfolders",
            "limit_items": "More items than",
            "limit_percent": "More percent than",
            "backup_first": "Back the database up first",
        }
        help_texts = {
            "clock": "Empty: what is usual for the target.",
            "keep_newest": "So many of each owner stay, by the date that the age counts from.",
            "disk_high_percent": "Only while it is at least so full…",
            "disk_low_percent": "…and only until it is so full.",
            "limit_items": "Empty means no limit.",
            "limit_percent": "Of all in the scope, from 100 items up; empty means no limit.",
            "backup_first": (
                "A run that has something to remove backs the database up, or removes nothing."
            ),
            "path": (
                "For files in a folder: managed/marked_images, counted from DATA_DIR, or the full "
                "path of one below RETENTION_ROOTS."
            ),
            "glob": "Such as *.png; empty means all but hidden files.",
            "recursive": "Subfolders themselves stay; links are never followed.",
        }
        fields = (
            "name", "slug", "target", "enabled", "clock", "max_age_seconds", "keep_newest",
            "max_total_bytes", "disk_high_percent", "disk_low_percent", "action", "path", "glob",
            "recursive", "crontab", "timezone", "every_seconds", "at_startup", "limit_items",
            "limit_bytes", "limit_percent", "backup_first", "notify_mail", "notify_webhook",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        target: Any = self.fields["target"]
        named = target_choices()
        target.choices = [("", "---------"), *named]
        target.help_text = removed_by((name, get(slug).removes) for slug, name in named)
        self.fields["slug"].required = False
        self.fields["slug"].help_text = "Made from the name where empty."
        self._show_scope(self.instance.scope)

    def _show_scope(self, scope: dict[str, list[Any]]) -> None:
        users = get_user_model()._default_manager.filter(pk__in=scope.get("owners") or [])
        self.initial.setdefault("owners", sorted(user.get_username() for user in users))
        self.initial.setdefault("groups", scope.get("groups") or [])
        self.initial.setdefault("labels", scope.get("labels") or [])

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        self._validate_constraints = False  # the model's own sentences say it better
        users = get_user_model()._default_manager
        owners = []
        for name in given.get("owners") or []:
            pk = users.filter(username=name).values_list("pk", flat=True).first()
            if pk is None:
                self.add_error("owners", f"There is no user {name}.")
            else:
                owners.append(pk)
        self.instance.scope = {
            "owners": sorted({*owners, *self._gone()}),
            "groups": sorted(group.pk for group in given.get("groups") or []),
            "labels": sorted(set(given.get("labels") or [])),
        }
        return given

    def _gone(self) -> set[int]:
        """Owners of the scope who are no more: without them it would be for everyone."""
        known = set(self.instance.scope.get("owners") or [])
        there = get_user_model()._default_manager.filter(pk__in=known)
        return known - set(there.values_list("pk", flat=True))

    def _update_errors(self, errors: ValidationError) -> None:
        """Put what the policy says of fields that are not here beside the whole form."""
        if hasattr(errors, "error_dict"):
            for name in set(self.errors) & errors.error_dict.keys():
                del errors.error_dict[name]
            elsewhere = [name for name in errors.error_dict if name not in self.fields]
            for name in elsewhere:
                own = "owners" if name == "scope" else "__all__"
                errors.error_dict.setdefault(own, []).extend(errors.error_dict.pop(name))
        super()._update_errors(errors)  # type: ignore[misc]
