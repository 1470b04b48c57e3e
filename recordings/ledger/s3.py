"""Stored files in an S3 bucket, on django-storages' client."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from storages.backends.s3 import S3Storage as DjangoS3Storage

from recordings.ledger import s3_listing, s3_moving
from recordings.ledger.entries import MARKER, PAGE, Entry, Moved
from recordings.ledger.exceptions import NameTaken
from recordings.ledger.s3_listing import BucketPage
from recordings.ledger.s3_writing import MARKERS, PART, PART_BYTES, S3Writer, told
from recordings.ledger.storages import CHUNK, Leftover, Writer

if TYPE_CHECKING:
    from recordings.ledger.resuming import Rest, ResumableWriter

DELETE_KEYS = 1000  # the most that one DeleteObjects takes


class S3Storage(DjangoS3Storage):  # type: ignore[misc]
    """A bucket without versions, read through short-lived signed addresses."""

    most_bytes = 9_900 * PART_BYTES  # of 10,000 parts that a store takes; some may go to waste

    @cached_property
    def client(self) -> Any:
        """One for all threads: making one takes long, and clients, unlike resources, are safe."""
        client = self.connection.meta.client
        s3_listing.prepare(client)
        return client

    def writer(self, name: str, part: UUID) -> Writer:
        return S3Writer(self.client, self.bucket_name, name, part)

    def resume(self, name: str, part: UUID, rest: Rest) -> ResumableWriter:
        from recordings.ledger.s3_resuming import S3Resumed

        return S3Resumed(self.client, self.bucket_name, name, part, rest)

    def size_of(self, name: str) -> int | None:
        head = self._head(name)
        return None if head is None else int(head["ContentLength"])

    def chunks(self, name: str) -> Iterator[bytes]:
        """Stream: opening would take the whole object into memory first."""
        with told():
            body = self.client.get_object(Bucket=self.bucket_name, Key=name)["Body"]
            with closing(body):
                yield from body.iter_chunks(CHUNK)

    def settled(self, part: UUID) -> None:
        with told():
            self.client.delete_object(Bucket=self.bucket_name, Key=f"{MARKERS}{part}")

    def take_back(self, name: str, part: UUID) -> bool:
        """Abort the upload; what it became carries its part, and its marker still stands."""
        self._abort_all(name)
        try:
            with told():
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
            for tail in self._markers(f"{MARKERS}{part}."):  # of an upload that was resumed
                with told():
                    self.client.delete_object(Bucket=self.bucket_name, Key=tail)

    def forget_all(self, parts: Collection[UUID]) -> None:
        """Markers hold no bytes, so they wait for the next look at the leftovers."""

    def _abort_all(self, name: str) -> None:
        """A name belongs to one row, so every upload under it is that row's."""
        for upload in self._uploads(prefix=name):
            if upload["Key"] == name:
                self._abort(name, upload["UploadId"])

    def _abort(self, name: str, upload: str) -> None:
        try:
            with told():
                self.client.abort_multipart_upload(
                    Bucket=self.bucket_name, Key=name, UploadId=upload
                )
        except FileNotFoundError:
            return

    def _uploads(self, *, prefix: str = "") -> Iterator[dict[str, Any]]:
        pages = self.client.get_paginator("list_multipart_uploads")
        with told():
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
        with told():
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

    def pages(self, *, after: str = "") -> Iterator[BucketPage]:
        page = BucketPage()
        with told():
            for reader in s3_listing.answers(self.client, self.bucket_name, after=after):
                page.take(reader, hidden=(MARKERS, MARKER))
                if len(page.names) >= PAGE:
                    yield page
                    page = BucketPage()
        if page.names:
            yield page

    def listing(self) -> Iterator[Entry]:
        for page in self.pages():
            yield from filter(None, map(page.entry, page.names))

    def entry(self, name: str) -> Entry | None:
        head = self._head(name)
        return None if head is None else s3_moving.described(name, head)

    def _head(self, name: str) -> dict[str, Any] | None:
        with suppress(FileNotFoundError), told():
            found: dict[str, Any] = self.client.head_object(Bucket=self.bucket_name, Key=name)
            return found
        return None

    def copy_to(self, entry: Entry, to: str) -> bool:
        head = self._head(entry.name)
        if head is None or s3_moving.described(entry.name, head) != entry:
            return False
        try:
            with told():
                s3_moving.copy(self.client, self.bucket_name, entry, head, to)
        except (NameTaken, FileNotFoundError) as error:
            there = self._head(to)
            if there and s3_moving.is_copy(there, entry.name, head):
                return True  # the client repeated a request whose answer was lost
            if there and isinstance(error, NameTaken):
                raise
            return False  # what changed, or is gone, is the source
        return True

    def stop_copies(self, to: str) -> None:
        """Abort the uploads that copies are, so that completing one of them is refused."""
        self._abort_all(to)

    def finish_move(self, name: str, to: str) -> Moved:
        left, arrived = self._head(name), self._head(to)
        if left and arrived and s3_moving.are_same(name, left, to, arrived):
            with told():
                self.client.delete_object(Bucket=self.bucket_name, Key=name)
            left = None
        return Moved(left is not None, arrived is not None)

    def read_marker(self) -> bytes | None:
        try:
            with told():
                found = self.client.get_object(Bucket=self.bucket_name, Key=MARKER)
                content: bytes = found["Body"].read()
                return content
        except FileNotFoundError:
            return None

    def write_marker(self, content: bytes) -> None:
        with told():
            self.client.put_object(Bucket=self.bucket_name, Key=MARKER, Body=content)

    def _markers(self, prefix: str = MARKERS) -> Iterator[str]:
        pages = self.client.get_paginator("list_objects_v2")
        with told():
            for page in pages.paginate(Bucket=self.bucket_name, Prefix=prefix):
                yield from (found["Key"] for found in page.get("Contents", []))

    def leftovers(self) -> Iterator[Leftover]:
        for upload in self._uploads():
            yield Leftover(None, upload["Key"])
        for marker in self._markers():
            with suppress(ValueError):
                yield Leftover(UUID(marker.removeprefix(MARKERS).partition(".")[0]), "")
