"""What no longer happens by itself while a policy is out of force, or once it is gone."""

from __future__ import annotations

from collections.abc import Collection

from retention.choices import Action
from retention.models import RetentionPolicy
from retention.schedule import has_schedule
from retention.scopes import meet
from retention.targets import find


def awaiting(policy: RetentionPolicy) -> str:
    """Say how an edited policy stands that has yet to be accepted."""
    sentence = (
        "It is out of force until it is accepted, and so is its former version: it removes nothing "
        "meanwhile."
    )
    return " ".join([sentence, *_left_alone([policy])])


def without(policies: Collection[RetentionPolicy]) -> list[str]:
    """Say what will not happen any more when these are deleted, of those that act now."""
    acting = [policy for policy in policies if policy.enabled and policy.may_act]
    meet(acting)
    return [*(policy.summary for policy in acting), *_left_alone(acting)]


def _left_alone(policies: Collection[RetentionPolicy]) -> list[str]:
    """Say what is neglected where no other policy of the same target is in force."""
    others = RetentionPolicy.objects.in_force().exclude(pk__in=[policy.pk for policy in policies])
    removing = others.exclude(action=Action.REPORT)
    covered = {policy.target for policy in removing if has_schedule(policy)}
    kinds = {policy.target: find(policy.target) for policy in policies}
    return [
        kind.neglected
        for slug, kind in kinds.items()
        if kind is not None and kind.neglected and slug not in covered
    ]
