"""Pictures of recordings, and their editor, for pages of the apps below."""

from __future__ import annotations

from typing import Any

from django import template

from recordings.ledger.names import Kind
from recordings.models import Recording
from thumbnails.frames import film_of
from thumbnails.models import ThumbnailTemplate
from thumbnails.requests import TITLE_LENGTH, EditorForm
from thumbnails.resolve import SiteDefault, Source, resolve, template_address

register = template.Library()

_DEFAULT = "thumbnails_site_default"


def _default(context: Any) -> SiteDefault:
    """One for a page, however many pictures are on it."""
    page = context.render_context
    if _DEFAULT not in page.dicts[0]:
        page.dicts[0][_DEFAULT] = SiteDefault()
    found: SiteDefault = page.dicts[0][_DEFAULT]
    return found


@register.simple_tag(takes_context=True)
def picture(context: Any, recording: Recording, size: str) -> str:
    """The address of what a recording from `with_files()` shows; empty where that is nothing."""
    found = resolve(recording, _default(context))
    return found.address(recording.pk, size) if found else ""


@register.filter
def picture_of(shown: ThumbnailTemplate, size: str) -> str:
    return template_address(shown, size)


@register.filter
def has_poster(recording: Recording) -> bool:
    return any(file.kind == Kind.POSTER for file in recording.current_files)


@register.inclusion_tag("thumbnails/_editor.html", takes_context=True)
def thumbnail_editor(context: Any, recording: Recording) -> dict[str, Any]:
    """The editor, or what is shown where there is nothing to edit."""
    found = resolve(recording, _default(context))
    chosen = getattr(recording, "thumbnail", None)
    is_own = found is not None and found.source == Source.OWN
    # Whoever opens the editor of an own picture and saves has chosen nothing to replace it.
    slug = chosen.template.slug if chosen and chosen.template and not is_own else None
    form = context.get("thumbnail_form") or EditorForm(
        initial={"source": f"template:{slug}" if slug else None}
    )
    user = context["user"]
    mine = user.pk == recording.owner_id  # whose wish came along with the recording
    liked = getattr(recording.owner if mine else user, "thumbnail_default", None)
    return {
        "recording": recording,
        "found": found,
        "is_own": is_own,
        "chosen": chosen,
        "templates": ThumbnailTemplate.objects.offered().select_related("stored"),
        "liked": liked and liked.template_id,
        "film": film_of(recording),
        "form": form,
        "refusal": context.get("thumbnail_refusal"),
        "title_length": TITLE_LENGTH,
        "csrf_token": context.get("csrf_token"),
    }
