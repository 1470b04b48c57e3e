"""Going on with a multipart upload in a bucket.

What is short of a part is kept beside the markers, under a name of its own that is written down,
so nothing that a process left which was thought dead is ever taken for it. Numbers of parts are
written down before they are used and not used again, so no request that comes late replaces a part.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from uuid import UUID, uuid4

from recordings.ledger.content_types import content_type
from recordings.ledger.exceptions import Damaged, NameTaken, StorageFault
from recordings.ledger.resuming import Rest
from recordings.ledger.s3 import MARKERS, PART, PART_BYTES, came_through, told

MOST_WASTED = 32  # parts that were sent and count for nothing: half a gigabyte


class S3Resumed:
    """Send the parts that come, and complete those of all requests into one object.

    The state: `upload`; `number`, the last one that may have been used; `parts`, each as number,
    ETag, SHA-256 and size; `tail`, the name of what is short of a part, or empty.
    """

    def __init__(self, client: Any, bucket: str, name: str, part: UUID, rest: Rest) -> None:
        self._client, self._key, self._part = client, {"Bucket": bucket, "Key": name}, str(part)
        self._note = rest.note
        self._state: dict[str, Any] = {"upload": "", "number": 0, "parts": [], "tail": ""}
        self._state |= rest.state
        self._parts: list[list[Any]] = list(self._state["parts"])
        self._buffer = bytearray()
        self._replaced = ""
        if not self._state["upload"]:
            self._create()
        self._buffer += self._tail()
        if sum(part[3] for part in self._parts) + len(self._buffer) != rest.offset:
            raise Damaged("The store kept less of this file than was sent to it.")

    def _create(self) -> None:
        with told():
            self._state["upload"] = self._client.create_multipart_upload(
                **self._key,
                ContentType=content_type(self._key["Key"]),
                ChecksumAlgorithm="SHA256",
                Metadata={PART: self._part},
            )["UploadId"]
        self._note(self._state)

    def _tail(self) -> bytes:
        if not self._state["tail"]:
            return b""
        try:
            with told():
                body = self._client.get_object(Bucket=self._key["Bucket"], Key=self._state["tail"])[
                    "Body"
                ]
                with closing(body):
                    return bytes(body.read())
        except FileNotFoundError:
            raise Damaged("The last bytes that came of this file are no longer there.") from None

    @property
    def room(self) -> int:
        return PART_BYTES - len(self._buffer)

    def write(self, chunk: bytes) -> None:
        self._buffer += chunk
        while len(self._buffer) >= PART_BYTES:
            self._send(bytes(self._buffer[:PART_BYTES]))
            del self._buffer[:PART_BYTES]

    def _send(self, body: bytes) -> None:
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        number = self._state["number"] + 1
        if number - len(self._parts) > MOST_WASTED:
            raise Damaged("Too much of this file was sent in vain; upload it again.")
        self._state["number"] = number
        self._note(self._state)
        with going_on():
            answer = self._client.upload_part(
                **self._key,
                UploadId=self._state["upload"],
                PartNumber=number,
                Body=body,
                ChecksumSHA256=checksum,
            )
        self._parts.append([number, answer["ETag"], checksum, len(body)])

    def rest(self, *, complete: bool) -> dict[str, Any]:
        if complete and (self._buffer or not self._parts):
            self._send(bytes(self._buffer))
            self._buffer.clear()
        tail = self._keep_tail() if self._buffer else ""
        self._replaced = self._state["tail"]
        self._state = {**self._state, "parts": list(self._parts), "tail": tail}
        return self._state

    def _keep_tail(self) -> str:
        name = f"{MARKERS}{self._part}.{uuid4()}"
        with told():
            self._client.put_object(Bucket=self._key["Bucket"], Key=name, Body=bytes(self._buffer))
        return name

    def rested(self) -> None:
        replaced, self._replaced = self._replaced, ""
        if replaced:
            with told():
                self._client.delete_object(Bucket=self._key["Bucket"], Key=replaced)

    def commit(self) -> None:
        """Complete what is written down; an object of ours that stands already is as good.

        Of that the marker is not made anew: without one it was settled once, in a state of the
        database that was lost since, and is not for purge to remove.
        """
        if came_through(self._client, self._key, self._part):
            return
        with told():
            self._client.put_object(Bucket=self._key["Bucket"], Key=MARKERS + self._part, Body=b"")
        try:
            self._complete()
        except (NameTaken, StorageFault):
            if not came_through(self._client, self._key, self._part):
                raise

    def _complete(self) -> None:
        parts = [
            {"PartNumber": number, "ETag": etag, "ChecksumSHA256": checksum}
            for number, etag, checksum, _size in self._parts
        ]
        with going_on():
            self._client.complete_multipart_upload(
                **self._key,
                UploadId=self._state["upload"],
                MultipartUpload={"Parts": parts},
                IfNoneMatch="*",
            )

    def close(self) -> None:
        self._buffer.clear()


@contextmanager
def going_on() -> Iterator[None]:
    """As `told`, where what is not there is the upload: nobody can go on with that."""
    try:
        with told():
            yield
    except FileNotFoundError as error:
        raise Damaged("The store dropped what had come of this file; upload it again.") from error
