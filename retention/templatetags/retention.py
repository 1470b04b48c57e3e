"""`{% explain recording as why %}`: what becomes of a recording, for pages of the apps below."""

from __future__ import annotations

import re

from django import template
from django.utils.translation import gettext

from recordings.models import Recording
from retention.explain import Explanation
from retention.explain import explain as _explain
from retention.models import RetentionPolicy

register = template.Library()


PUT_BY_POLICY = re.compile(r"policy (?P<slug>[-\w]+) v\d+")


@register.simple_tag
def policy_names() -> dict[str, str]:
    """The names of all policies by slug, in one query for a page."""
    return dict(RetentionPolicy.objects.values_list("slug", "name"))


@register.filter
def by_whom(said: str, names: dict[str, str]) -> str:
    """Name a policy as its page does, where a row says it as logs do; people stay as they are."""
    found = PUT_BY_POLICY.fullmatch(said)
    name = names.get(found["slug"]) if found else None
    return gettext("the policy “%(name)s”") % {"name": name} if name else said


@register.simple_tag
def explain(recording: Recording) -> Explanation:
    return _explain(recording)
