"""`{% explain recording as why %}`: what becomes of a recording, for pages of the apps below."""

from __future__ import annotations

from django import template

from recordings.models import Recording
from retention.explain import Explanation
from retention.explain import explain as _explain

register = template.Library()


@register.simple_tag
def explain(recording: Recording) -> Explanation:
    return _explain(recording)
