"""Sending a file to a bucket.

Every file goes up as a multipart upload, small ones too: aborting it is the one fence that stops
a writer who was thought dead, and completing it with If-None-Match takes the name exclusively.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError

from recordings.ledger.content_types import content_type
from recordings.ledger.entries import INCOMING
from recordings.ledger.exceptions import Damaged, NameTaken, StorageFault

PART_BYTES = 16 * 1024 * 1024  # 10,000 parts at most, so 160 GB a file
PART = "part"  # metadata that says which of our uploads an object came from
MARKERS = f"{INCOMING}/"  # an empty object for each file that stands and is not settled yet


class S3Writer:
    """Send parts with a checksum each; complete them into an object whose name was free.

    With `upload` they go to one that was begun before. Of each part its number, ETag, SHA-256 and
    size are known.
    """

    # For who sends, where the upload was aborted.
    gone: ClassVar[str] = "What had been sent of this file was removed from the store."

    def __init__(self, client: Any, bucket: str, name: str, part: UUID, upload: str = "") -> None:
        self._client, self._key = client, {"Bucket": bucket, "Key": name}
        self._part = str(part)
        self._buffer = bytearray()
        self._parts: list[list[Any]] = []
        self._upload = upload or self._create()

    def _create(self) -> str:
        with told():
            answer = self._client.create_multipart_upload(
                **self._key,
                ContentType=content_type(self._key["Key"]),
                ChecksumAlgorithm="SHA256",
                Metadata={PART: self._part},
            )
        return str(answer["UploadId"])

    def write(self, chunk: bytes) -> None:
        self._buffer += chunk
        while len(self._buffer) >= PART_BYTES:
            self._send(bytes(self._buffer[:PART_BYTES]))
            del self._buffer[:PART_BYTES]

    def _send(self, body: bytes) -> None:
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        number = self._next_number()
        with sent(self.gone):
            answer = self._client.upload_part(
                **self._key,
                UploadId=self._upload,
                PartNumber=number,
                Body=body,
                ChecksumSHA256=checksum,
            )
        self._parts.append([number, answer["ETag"], checksum, len(body)])

    def _next_number(self) -> int:
        return len(self._parts) + 1

    def _send_last(self) -> None:
        """Send what is short of a part; an empty file is one empty part."""
        if self._buffer or not self._parts:
            self._send(bytes(self._buffer))
            self._buffer.clear()

    def commit(self) -> None:
        self._send_last()
        self._complete()

    def _complete(self) -> None:
        with told():
            self._client.put_object(Bucket=self._key["Bucket"], Key=MARKERS + self._part, Body=b"")
        parts = [
            {"PartNumber": number, "ETag": etag, "ChecksumSHA256": checksum}
            for number, etag, checksum, _size in self._parts
        ]
        try:
            with sent(self.gone):
                self._client.complete_multipart_upload(
                    **self._key,
                    UploadId=self._upload,
                    MultipartUpload={"Parts": parts},
                    IfNoneMatch="*",
                )
        except (NameTaken, StorageFault):
            if not self._came_through():
                raise

    def _came_through(self) -> bool:
        """The client repeats a request whose answer was lost, and meets its own object."""
        try:
            with told():
                head = self._client.head_object(**self._key)
        except FileNotFoundError:
            return False
        return bool(head["Metadata"].get(PART) == self._part)

    def close(self) -> None:
        self._buffer.clear()


@contextmanager
def told() -> Iterator[None]:
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
def sent(gone: str) -> Iterator[None]:
    """As `told`, where what is not there is the upload itself: purge or the store aborted it.

    Raises Damaged with the sentence `gone`.
    """
    try:
        with told():
            yield
    except FileNotFoundError as error:
        raise Damaged(gone) from error
