"""The gallery in the admin: add, replace, rename, reorder, retire, choose the site's default."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.csrf import csrf_protect

from recordings.ledger.admin_base import COUNTED, LibraryAdmin, number_of
from recordings.ledger.exceptions import LedgerError
from recordings.ledger.permissions import ADMINISTER
from thumbnails import gallery
from thumbnails.models import Thumbnail, ThumbnailTemplate
from thumbnails.resolve import template_address
from thumbnails.sandbox import render


class TemplateForm(forms.ModelForm):  # type: ignore[type-arg]
    """A template with its picture, which is decoded before anything is stored."""

    picture = forms.FileField(
        required=False,
        help_text="JPEG, PNG, WebP or GIF; it is cut to 16:9 and 1280 pixels wide. Another picture "
        "replaces the former one for every recording that shows this template.",
    )

    class Meta:
        model = ThumbnailTemplate
        fields = ("slug", "name", "position")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is None and "picture" in self.fields:
            self.fields["picture"].required = True
            self.fields["position"].required = False
            self.fields["position"].help_text += " Empty: at the end."
            self.initial["position"] = None

    def clean_picture(self) -> bytes | None:
        """Return the picture as it will be stored."""
        given = self.cleaned_data.get("picture")
        if not given:
            return None
        try:
            return render(gallery.AS_STORED, given.chunks())
        except LedgerError as error:
            raise forms.ValidationError(str(error)) from error


class OfferedFilter(admin.SimpleListFilter):
    title = "in the gallery"
    parameter_name = "offered"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("no", "Retired")]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[ThumbnailTemplate]:
        rows: QuerySet[ThumbnailTemplate] = queryset
        if self.value() in {"yes", "no"}:
            return rows.filter(retired_at__isnull=self.value() == "yes")
        return rows


@admin.register(ThumbnailTemplate)
class ThumbnailTemplateAdmin(LibraryAdmin):
    form = TemplateForm
    list_display = ("shown", "name", "slug", "position", "chosen", "default", "retired_at")
    list_display_links = ("shown", "name")
    list_editable = ("position",)
    list_filter = (OfferedFilter,)
    ordering = ("position", "id")
    actions = ("retire", "offer_again", "make_default")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ThumbnailTemplate]:
        rows: QuerySet[ThumbnailTemplate] = super().get_queryset(request)
        chosen = Thumbnail.objects.filter(template=OuterRef("pk"))
        return rows.select_related("stored").annotate(is_chosen=Exists(chosen))

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name == "position":  # also in the list
            kwargs["max_value"] = gallery.LAST
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else ("shown", "slug", "version", "used", "default", "retired_at")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        mine = ("slug", "name", "position", "picture")
        if obj is None:
            return mine
        return ("shown", *mine, "version", "used", "default", "retired_at")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(ADMINISTER)

    @admin.display(description="picture")
    def shown(self, template: ThumbnailTemplate) -> SafeString:
        address = template_address(template, "list")
        return format_html('<img src="{}" alt="" width="160" height="90" loading="lazy">', address)

    @admin.display(description="chosen", boolean=True)
    def chosen(self, template: Any) -> bool:
        return bool(template.is_chosen)

    @admin.display(description="chosen by")
    def used(self, template: ThumbnailTemplate) -> str:
        count = template.thumbnails.values("pk")[: COUNTED + 1].count()
        return number_of(count, "recording") if count <= COUNTED else f"more than {COUNTED:,}"

    @admin.display(description="site's default", boolean=True)
    def default(self, template: ThumbnailTemplate) -> bool:
        return template.is_site_default

    def save_model(
        self, request: HttpRequest, obj: ThumbnailTemplate, form: Any, change: bool
    ) -> None:
        picture = form.cleaned_data.get("picture")
        if not change:
            position = form.cleaned_data["position"]
            made = gallery.add(obj.slug, obj.name, picture, position=position)
            obj.pk, obj.stored, obj.position = made.pk, made.stored, made.position
            return
        if picture:
            gallery.replace(obj, picture)
        if changed := [name for name in form.changed_data if name in {"name", "position"}]:
            obj.save(update_fields=changed)

    @method_decorator(csrf_protect)
    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra: Any = None
    ) -> Any:
        """Go without the transaction of ModelAdmin, and say what storage refuses.

        In one, `publish` would put bytes in place whose row nobody else sees, and which a rollback
        would take away; and SQLite would let nobody write while a picture is decoded.
        """
        try:
            return self._changeform_view(request, object_id, form_url, extra)  # type: ignore[attr-defined]
        except LedgerError as error:
            self.refuse(request, error)
            return self.response_post_save_change(request, None)

    @admin.action(description="Retire selected templates", permissions=["change"])
    def retire(self, request: HttpRequest, queryset: QuerySet[ThumbnailTemplate]) -> None:
        count = refused = 0
        for template in queryset:
            try:
                count += gallery.retire(template)
            except LedgerError as error:
                refused += 1
                self.refuse(request, error)
        if count or not refused:
            left = number_of(count, "template")
            self.say(request, f"{left} left the gallery; recordings that show one keep it.")

    @admin.action(description="Offer selected templates again", permissions=["change"])
    def offer_again(self, request: HttpRequest, queryset: QuerySet[ThumbnailTemplate]) -> None:
        count = sum(gallery.offer_again(template) for template in queryset)
        self.say(request, f"{number_of(count, 'template')} came back to the gallery.")

    @admin.action(description="Make the selected one the site's default", permissions=["change"])
    def make_default(self, request: HttpRequest, queryset: QuerySet[ThumbnailTemplate]) -> None:
        chosen = list(queryset[:2])
        if len(chosen) != 1:
            self.refuse(request, "Select exactly one template.")
            return
        try:
            gallery.make_default(chosen[0])
        except LedgerError as error:
            self.refuse(request, error)
        else:
            self.say(request, f"“{chosen[0]}” is shown now wherever there is nothing else.")
