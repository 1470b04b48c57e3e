"""Thumbnails and the gallery in the API."""

from __future__ import annotations

from functools import wraps

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from recordings.api.parsers import JSONParser
from recordings.api.recordings import REFUSED, checked, find, visible
from recordings.api.serializers import RecordingSerializer
from thumbnails import editing, serve
from thumbnails.gallery import AS_STORED
from thumbnails.models import OwnerDefault, ThumbnailTemplate
from thumbnails.requests import DefaultRequest, PictureParser, ThumbnailRequest
from thumbnails.resolve import SIZES, template_address
from thumbnails.sandbox import render

PICTURE = OpenApiResponse(OpenApiTypes.BINARY, description="A PNG, JPEG or WebP picture.")


class ThumbnailView(APIView):
    """The picture of one recording."""

    parser_classes = [JSONParser, PictureParser]

    @extend_schema(
        operation_id="get_thumbnail",
        parameters=[
            OpenApiParameter("size", enum=list(SIZES), description="Without it: as it is stored."),
            OpenApiParameter("v", description="The version; with it the answer is for ever."),
        ],
        responses={(200, "image/*"): PICTURE, 304: None},
    )
    def get(self, request: Request, pk: int) -> None:  # pragma: no cover - see below
        """Return what the recording shows: own, chosen template, poster frame or a default."""

    @extend_schema(
        operation_id="set_thumbnail",
        request={
            "multipart/form-data": ThumbnailRequest,
            "application/json": ThumbnailRequest,
        },
        responses={200: RecordingSerializer, "4XX": REFUSED},
    )
    def put(self, request: Request, pk: int) -> Response:
        """Choose a template, or give a picture: that is cut to 16:9 and stored as one PNG."""
        asked = checked(ThumbnailRequest, request.data)
        recording = find(request, pk)  # now: the caller decides how long the body takes
        by = request.user.get_username()
        if "template" in asked:
            editing.choose(recording, asked["template"], by=by)
        else:
            editing.set_own(recording, render(AS_STORED, asked["image"].chunks()), by=by)
        rows = visible(request).with_files().with_held()
        return Response(RecordingSerializer(get_object_or_404(rows, pk=pk)).data)

    @extend_schema(operation_id="reset_thumbnail", responses={204: None, "4XX": REFUSED})
    def delete(self, request: Request, pk: int) -> Response:
        """Go back to the poster frame or a default."""
        editing.back(find(request, pk), by=request.user.get_username())
        return Response(status=204)


_change = ThumbnailView.as_view()


@wraps(_change)  # with what the schema asks of a view
def thumbnail(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Let reading pass by the framework, which would cost more than the answer."""
    if request.method in {"GET", "HEAD"}:
        return serve.thumbnail(request, pk)
    return _change(request, pk)


class TemplateSerializer(serializers.ModelSerializer[ThumbnailTemplate]):
    url = serializers.SerializerMethodField()
    thumbnail_url = serializers.SerializerMethodField()
    is_my_default = serializers.SerializerMethodField()

    class Meta:
        model = ThumbnailTemplate
        fields = [
            "slug", "name", "version", "position", "url", "thumbnail_url", "is_site_default",
            "is_my_default",
        ]  # fmt: skip
        read_only_fields = fields

    def get_url(self, template: ThumbnailTemplate) -> str:
        return template_address(template)

    def get_thumbnail_url(self, template: ThumbnailTemplate) -> str:
        return template_address(template, "card")

    def get_is_my_default(self, template: ThumbnailTemplate) -> bool:
        return bool(template.pk == self.context.get("mine"))


class TemplatesView(APIView):
    """The gallery."""

    @extend_schema(operation_id="list_templates", responses=TemplateSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List the templates in the order of the gallery."""
        mine = OwnerDefault.objects.filter(owner_id=request.user.pk)
        templates = ThumbnailTemplate.objects.offered().select_related("stored")
        context = {"mine": mine.values_list("template_id", flat=True).first()}
        rows = TemplateSerializer(templates, many=True, context=context).data
        return Response({"results": rows, "next": None})


class DefaultView(APIView):
    @extend_schema(
        operation_id="set_default_template",
        request=DefaultRequest,
        responses={204: None, "4XX": REFUSED},
    )
    def put(self, request: Request) -> Response:
        """Say what the caller's recordings show that have no choice and no poster frame."""
        asked = checked(DefaultRequest, request.data)
        editing.set_default(request.user.pk or 0, asked["template"])
        return Response(status=204)
