"""Reading a bucket's listing fast: expat on the body of the answer, not a tree of dicts.

The request is the client's own, signed, retried and checked for errors as any other; only the
making of a dict for every element, in which boto3 spends most of a listing's time, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from xml.parsers import expat

from botocore.compat import unquote_str

from recordings.ledger.entries import Entry
from recordings.ledger.exceptions import StorageFault

OPERATION = "before-parse.s3.ListObjectsV2"
ANSWER = "mediasite"  # where the parsed answer hides the reader
NOTHING = b"<ListBucketResult/>"
_OF_THE_PAGE = {"IsTruncated", "NextContinuationToken", "EncodingType", "KeyCount"}
_wanted: ContextVar[bool] = ContextVar("wanted", default=False)


@dataclass(slots=True)
class Reader:
    """One answer: three lists side by side, and what the page says of itself."""

    names: list[str] = field(default_factory=list)
    sizes: list[str] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, body: bytes) -> Reader:
        """Raises StorageFault for what is no whole listing."""
        reader = cls()
        try:
            reader._read(body)
        except expat.ExpatError as error:
            raise StorageFault(f"The store's listing cannot be read: {error}") from error
        reader._check()
        return reader

    def _read(self, body: bytes) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        columns = {"Key": self.names, "Size": self.sizes, "LastModified": self.times}
        texts: list[str] = []
        inside = False

        def start(tag: str, attributes: Any) -> None:
            nonlocal inside
            if tag == "Contents":
                inside = True
            texts.clear()

        def end(tag: str) -> None:
            nonlocal inside
            if inside:
                if tag in columns:
                    columns[tag].append("".join(texts))
                elif tag == "Contents":
                    inside = False
            elif tag in _OF_THE_PAGE:
                self.said[tag] = "".join(texts)
            texts.clear()

        parser.StartElementHandler = start
        parser.EndElementHandler = end
        parser.CharacterDataHandler = texts.append
        parser.Parse(body, True)

    def _check(self) -> None:
        if not len(self.names) == len(self.sizes) == len(self.times):
            raise StorageFault("The store's listing lacks a key, a size or a time.")
        if self.said.get("KeyCount", str(len(self.names))) != str(len(self.names)):
            raise StorageFault("The store's listing has fewer keys than it says.")
        if "IsTruncated" not in self.said:
            raise StorageFault("The store's listing does not say whether it is whole.")
        if self.is_truncated and not self.said.get("NextContinuationToken"):
            raise StorageFault("The store's listing breaks off without saying where to go on.")
        if self.said.get("EncodingType") == "url":
            self.names = [unquote_str(name) for name in self.names]

    @property
    def is_truncated(self) -> bool:
        return self.said["IsTruncated"] == "true"


@dataclass(slots=True)
class BucketPage:
    """Objects side by side; moments and sizes are made of text when asked for."""

    names: list[str] = field(default_factory=list)
    sizes: list[str] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)

    def entry(self, name: str) -> Entry | None:
        if not self._places:
            self._places = {name: place for place, name in enumerate(self.names)}
        place = self._places.get(name)
        if place is None:
            return None
        modified = datetime.fromisoformat(self.times[place])
        if modified.tzinfo is None:
            modified = modified.replace(tzinfo=UTC)
        # A HEAD says the time in whole seconds.
        return Entry(name, int(self.sizes[place]), modified.replace(microsecond=0))

    def take(self, reader: Reader, *, hidden: tuple[str, ...]) -> None:
        """Append one answer, without names that begin like a hidden one."""
        rows = zip(reader.names, reader.sizes, reader.times, strict=True)
        for name, size, time in rows:
            if name.startswith(hidden):
                continue
            self.names.append(name)
            self.sizes.append(size)
            self.times.append(time)


def prepare(client: Any) -> None:
    """Teach a client to leave listings to us when we are the one who asks."""
    client.meta.events.register(OPERATION, _take_over, unique_id="mediasite-listing")


def _take_over(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any
) -> None:
    if _wanted.get() and response_dict["status_code"] == 200:
        customized_response_dict[ANSWER] = Reader.of(response_dict["body"])
        response_dict["body"] = NOTHING


def answers(client: Any, bucket: str, *, after: str) -> Iterator[Reader]:
    """Yield the answers of a whole listing. Raises the client's errors and StorageFault."""
    asked = {"Bucket": bucket, "EncodingType": "url"}
    more = {"StartAfter": after} if after else {}
    while True:
        token = _wanted.set(True)
        try:
            reader: Reader = client.list_objects_v2(**asked, **more)[ANSWER]
        finally:
            _wanted.reset(token)
        yield reader
        if not reader.is_truncated:
            return
        more = {"ContinuationToken": reader.said["NextContinuationToken"]}
