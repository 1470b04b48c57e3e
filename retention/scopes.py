"""Names of the people in scopes: two queries for a page of policies, whatever its length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

if TYPE_CHECKING:
    from retention.models import RetentionPolicy


@dataclass(frozen=True, slots=True)
class People:
    """Names by id; those who are gone are missing."""

    users: dict[int, str] = field(default_factory=dict)
    groups: dict[int, str] = field(default_factory=dict)


def meet(policies: Sequence[RetentionPolicy]) -> None:
    """Let policies know the names of their scopes' people."""
    people = People(
        users=_names(get_user_model()._default_manager, "username", policies, "owners"),
        groups=_names(Group.objects, "name", policies, "groups"),
    )
    for policy in policies:
        policy.people = people


def _names(rows: Any, key: str, policies: Sequence[RetentionPolicy], part: str) -> dict[int, str]:
    wanted = {pk for policy in policies for pk in policy.scope.get(part) or []}
    return dict(rows.filter(pk__in=wanted).values_list("pk", key)) if wanted else {}
