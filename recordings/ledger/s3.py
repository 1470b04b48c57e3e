"""Stored files in an S3 bucket, on django-storages' client.

Every file goes up as a multipart upload, small ones too: aborting it is the one fence that stops
a writer who was thought dead, and completing it with If-None-Match takes the name exclusively.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError
from storages.backends.s3 import S3Storage as DjangoS3Storage

from recordings.ledger.content_types import content_type
from recordings.ledger.exceptions import NameTaken, StorageFault
from recordings.ledger.storages import INCOMING, Entry, Leftover, Writer

PART_BYTES = 16 * 1024 * 1024  # 10,000 parts at most, so 160 GB a file
PART = "part"  # metadata that says which of our uploads an object came from
MARKERS = f"{INCOMING}/"  # an empty object for each file that stands and is not settled yet
DELETE_KEYS = 1000  # the most that one DeleteObjects takes


class S3Writer:
    """Send parts with a checksum each; complete them into an object whose name was free."""

    def __init__(self, client: Any, bucket: str, name: str, part: UUID) -> None:
        self._client, self._key = client, {"Bucket": bucket, "Key": name}
        self._part = str(part)
        self._buffer = bytearray()
        self._parts: list[dict[str, Any]] = []
        with _told():
            self._upload = client.create_multipart_upload(
                **self._key,
                ContentType=content_type(name),
                ChecksumAlgorithm="SHA256",
                Metadata={PART: self._part},
            )["UploadId"]

    def write(self, chunk: bytes) -> None:
        self._buffer += chunk
        while len(self._buffer) >= PART_BYTES:
            self._send(bytes(self._buffer[:PART_BYTES]))
            del self._buffer[:PART_BYTES]

    def _send(self, body: bytes) -> None:
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        number = len(self._parts) + 1
        with _sent():
            answer = self._client.upload_part(
                **self._key,
                UploadId=self._upload,
                PartNumber=number,
                Body=body,
                ChecksumSHA256=checksum,
            )
        self._parts.append(
            {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}
        )

    def commit(self) -> None:
        if self._buffer or not self._parts:
            self._send(bytes(self._buffer))
            self._buffer.clear()
        with _told():
            self._client.put_object(Bucket=self._key["Bucket"], Key=MARKERS + self._part, Body=b"")
        try:
            self._complete()
        except (NameTaken, StorageFault):
            if not self._came_through():
                raise

    def _complete(self) -> None:
        with _sent():
            self._client.complete_multipart_upload(
                **self._key,
                UploadId=self._upload,
                MultipartUpload={"Parts": self._parts},
                IfNoneMatch="*",
            )

    def _came_through(self) -> bool:
        """The client repeats a request whose answer was lost, and meets its own object."""
        try:
            with _told():
                head = self._client.head_object(**self._key)
        except FileNotFoundError:
            return False
        return bool(head["Metadata"].get(PART) == self._part)

    def close(self) -> None:
        self._buffer.clear()


class S3Storage(DjangoS3Storage):  # type: ignore[misc]
    """A bucket without versions, read through short-lived signed addresses."""

    @property
    def client(self) -> Any:
        return self.connection.meta.client

    def writer(self, name: str, part: UUID) -> Writer:
        return S3Writer(self.client, self.bucket_name, name, part)

    def size_of(self, name: str) -> int | None:
        try:
            with _told():
                head = self.client.head_object(Bucket=self.bucket_name, Key=name)
        except FileNotFoundError:
            return None
        return int(head["ContentLength"])

    def settled(self, part: UUID) -> None:
        with _told():
            self.client.delete_object(Bucket=self.bucket_name, Key=f"{MARKERS}{part}")

    def take_back(self, name: str, part: UUID) -> bool:
        """Abort the upload; what it became carries its part, and its marker still stands."""
        self._abort_all(name)
        try:
            with _told():
                self.client.head_object(Bucket=self.bucket_name, Key=f"{MARKERS}{part}")
                head = self.client.head_object(Bucket=self.bucket_name, Key=name)
        except FileNotFoundError:
            return False
        return bool(head["Metadata"].get(PART) == str(part))

    def forget(self, name: str, part: UUID | None) -> None:
        if name:
            self._abort_all(name)
        if part is not None:
            self.settled(part)

    def forget_all(self, parts: Collection[UUID]) -> None:
        """Markers hold no bytes, so they wait for the next look at the leftovers."""

    def _abort_all(self, name: str) -> None:
        """A name belongs to one row, so every upload under it is that row's."""
        for upload in self._uploads(prefix=name):
            if upload["Key"] == name:
                self._abort(name, upload["UploadId"])

    def _abort(self, name: str, upload: str) -> None:
        try:
            with _told():
                self.client.abort_multipart_upload(
                    Bucket=self.bucket_name, Key=name, UploadId=upload
                )
        except FileNotFoundError:
            return

    def _uploads(self, *, prefix: str = "") -> Iterator[dict[str, Any]]:
        pages = self.client.get_paginator("list_multipart_uploads")
        with _told():
            for page in pages.paginate(Bucket=self.bucket_name, Prefix=prefix):
                yield from page.get("Uploads", [])

    def bulk_delete(self, names: Collection[str]) -> dict[str, str]:
        wanted = list(names)
        errors: dict[str, str] = {}
        for start in range(0, len(wanted), DELETE_KEYS):
            errors |= self._delete(wanted[start : start + DELETE_KEYS])
        return errors

    def _delete(self, names: list[str]) -> dict[str, str]:
        """Ask once, believe per key: 200 is no word about any of them."""
        with _told():
            answer = self.client.delete_objects(
                Bucket=self.bucket_name,
                Delete={"Objects": [{"Key": name} for name in names], "Quiet": False},
            )
        errors = {
            e["Key"]: f"{e.get('Code')}: {e.get('Message')}" for e in answer.get("Errors", [])
        }
        deleted = {}
        for key in answer.get("Deleted", []):
            deleted[key["Key"]] = bool(key.get("DeleteMarker"))
        for name in names:
            if name in errors:
                continue
            if name not in deleted:
                errors[name] = "The store did not say that it removed this."
            elif deleted[name]:
                errors[name] = "The bucket keeps old versions, so the bytes are still there."
        return errors

    def listing(self, *, after: str = "") -> Iterator[Entry]:
        for found in self._objects(StartAfter=after):
            if not found["Key"].startswith(MARKERS):
                yield Entry(found["Key"], found["Size"], found["LastModified"])

    def _objects(self, **asked: str) -> Iterator[dict[str, Any]]:
        pages = self.client.get_paginator("list_objects_v2")
        with _told():
            for page in pages.paginate(Bucket=self.bucket_name, **asked):
                yield from page.get("Contents", [])

    def leftovers(self) -> Iterator[Leftover]:
        for upload in self._uploads():
            yield Leftover(None, upload["Key"])
        for marker in self._objects(Prefix=MARKERS):
            with suppress(ValueError):
                yield Leftover(UUID(marker["Key"].removeprefix(MARKERS)), "")


@contextmanager
def _told() -> Iterator[None]:
    """Turn the client's errors into the ledger's; what is not there is FileNotFoundError."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in {"404", "NoSuchKey", "NoSuchUpload"}:
            raise FileNotFoundError(code) from error
        if code in {"PreconditionFailed", "ConditionalRequestConflict"}:
            raise NameTaken("Something stands under that name in the bucket.") from error
        raise StorageFault(f"The store refused: {code}.") from error
    except BotoCoreError as error:
        raise StorageFault(f"The store could not be reached: {error}") from error


@contextmanager
def _sent() -> Iterator[None]:
    """As `_told`, where what is not there is the upload itself: purge aborted it."""
    try:
        with _told():
            yield
    except FileNotFoundError as error:
        raise StorageFault("The upload was removed while it was being sent.") from error
