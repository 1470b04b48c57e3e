"""Resumable uploads by tus 1.0: create, ask how far, go on, give up."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from recordings.api import tus
from recordings.api.parsers import refuse_large
from recordings.api.recordings import REFUSED
from recordings.api.requests import details_of, read_captions
from recordings.processing import captions
from recordings.uploads import receiving, resumable
from recordings.uploads.exceptions import Resuming
from recordings.uploads.models import ResumableUpload


def header(name: str, kind: type, about: str, *, required: bool = True) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.HEADER, required, about)


VERSION = header("Tus-Resumable", str, "1.0.0")
LENGTH = header("Upload-Length", int, "Bytes of the whole file.")
OFFSET = header("Upload-Offset", int, "Bytes that are here already.")
METADATA = header(
    "Upload-Metadata",
    str,
    "filename, title, description, language, recorded_at, expire_at, labels, trim_start, trim_end "
    "and process, each with its value in base64, with commas between.",
    required=False,
)
CHECKSUM = header("Upload-Checksum", str, "`sha1 BASE64` of this body.", required=False)


class WrongVersion(Resuming):
    """The client speaks another version of tus."""

    status = HTTPStatus.PRECONDITION_FAILED
    code = "wrong_version"


class WrongType(Resuming):
    """The body is not said to be bytes of a file."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "wrong_content_type"


class Gone(Resuming):
    """There is nothing left to give up."""

    status = HTTPStatus.CONFLICT
    code = "finished"


class TusView(APIView):
    """What all of tus has in common."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Take the method that the client means, where a proxy knows only GET and POST."""
        if method := request.headers.get("X-HTTP-Method-Override"):
            request.method = method.upper()
        return super().dispatch(request, *args, **kwargs)

    def get_permissions(self) -> list[BasePermission]:
        asks = self.request.method == "OPTIONS"
        return [AllowAny()] if asks else super().get_permissions()  # type: ignore[return-value]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method != "OPTIONS" and request.headers.get("Tus-Resumable") != tus.VERSION:
            raise WrongVersion(f"Send Tus-Resumable: {tus.VERSION}; other versions are not known.")

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        answered = super().finalize_response(request, response, *args, **kwargs)
        answered["Tus-Resumable"] = tus.VERSION
        answered["Cache-Control"] = "no-store"
        if answered.status_code == HTTPStatus.PRECONDITION_FAILED:
            answered["Tus-Version"] = tus.VERSION
        return answered

    @extend_schema(exclude=True)
    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Say what is offered of tus; for this nobody needs to sign in."""
        return Response(status=HTTPStatus.NO_CONTENT, headers=tus.capabilities())


class UploadsView(TusView):
    """Where uploads begin."""

    @extend_schema(
        operation_id="create_upload",
        parameters=[VERSION, LENGTH, METADATA],
        request=None,
        responses={201: None, "4XX": REFUSED},
    )
    def post(self, request: Request) -> Response:
        """Begin a resumable upload (tus 1.0); its address is in Location."""
        length = tus.length(request._request)
        raw = request.headers.get("Upload-Metadata", "")
        fields = tus.metadata(raw)
        name = fields.get("filename") or fields.get("name") or ""
        upload = resumable.create(
            request.user,
            name=name,
            length=length,
            details=details_of(fields, b""),
            metadata=raw,
        )
        headers = {"Location": reverse("api-upload", args=[upload.token]), **tus.state_of(upload)}
        return Response(status=HTTPStatus.CREATED, headers=headers)


class UploadView(TusView):
    """One upload, until it is a recording and for a while after that."""

    @extend_schema(operation_id="upload_state", responses={200: None})
    def head(self, request: Request, token: str) -> Response:
        """Say in headers how many bytes are here, and at the end which recording they became."""
        upload = receiving.go_on(find(request, token))
        resumable.refuse_expired(upload)
        resumable.refuse_locked(upload)
        upload = resumable.find(upload.pk)  # as it is now that nobody writes
        headers = tus.state_of(upload) | {"Upload-Length": str(upload.length)}
        if upload.details["metadata"]:
            headers["Upload-Metadata"] = upload.details["metadata"]
        return Response(headers=headers)

    @extend_schema(
        operation_id="upload_bytes",
        parameters=[VERSION, OFFSET, CHECKSUM],
        request={tus.OFFSET_STREAM: bytes},
        responses={204: None, "4XX": REFUSED},
    )
    def patch(self, request: Request, token: str) -> Response:
        """Go on with the bytes from Upload-Offset; the last ones make the recording."""
        if request.content_type != tus.OFFSET_STREAM:
            raise WrongType(f"Send the bytes of the file as Content-Type: {tus.OFFSET_STREAM}.")
        offset, size = (
            tus.number(request._request, "Upload-Offset"),
            tus.body_size(request._request),
        )
        said = request.headers.get("Upload-Checksum")
        checksum = None if said is None else receiving.Checksum.of(said)
        upload = receiving.receive(
            find(request, token),
            tus.chunks(request._request),
            offset=offset,
            size=size,
            checksum=checksum,
        )
        return Response(status=HTTPStatus.NO_CONTENT, headers=tus.state_of(upload))

    @extend_schema(
        operation_id="give_up_upload",
        parameters=[VERSION],
        responses={204: None, "4XX": REFUSED},
    )
    def delete(self, request: Request, token: str) -> Response:
        """Give an upload up; nothing is left of it. A finished one is deleted as a recording."""
        if not resumable.cancel(find(request, token)):
            raise Gone("This upload is a recording by now; delete that.")
        return Response(status=HTTPStatus.NO_CONTENT)


class SubtitlesView(APIView):
    """Beside tus: subtitles of a file that is still coming in, since headers are too short."""

    @extend_schema(
        operation_id="give_subtitles",
        request={"text/plain": str},
        responses={204: None, "4XX": REFUSED},
    )
    def put(self, request: Request, token: str) -> Response:
        """Keep SRT or WebVTT for an unfinished upload."""
        refuse_large(request.META, captions.MOST_BYTES)
        given = request._request.read(captions.MOST_BYTES)
        resumable.give_captions(find(request, token), read_captions(given))
        return Response(status=HTTPStatus.NO_CONTENT)


def find(request: Request, token: str) -> ResumableUpload:
    """Return an upload of the caller's own. Raises Http404."""
    mine = ResumableUpload.objects.filter(recording__owner_id=request.user.pk)
    upload = mine.select_related("recording").filter(token=token).first()
    if upload is None:
        raise Http404
    return upload
