"""Giving an object in a bucket another name: a copy whose name was free, then the former one goes.

The store copies by itself, as a multipart upload, because completing one with If-None-Match takes
a name exclusively on every store that uploads work on. The copy says what it is a copy of.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from recordings.ledger.entries import Entry

COPY_BYTES = 1024**3  # a part; 10,000 of them at most
FROM, TAG = "moved-from", "moved-etag"  # metadata of a copy


def described(name: str, head: dict[str, Any]) -> Entry:
    modified: datetime = head["LastModified"]
    return Entry(name, int(head["ContentLength"]), modified.astimezone(UTC).replace(microsecond=0))


def are_same(name: str, head: dict[str, Any], other: str, other_head: dict[str, Any]) -> bool:
    """Tell whether one of two objects is a copy of the other as that is now."""
    return is_copy(other_head, name, head) or is_copy(head, other, other_head)


def is_copy(head: dict[str, Any], name: str, former: dict[str, Any]) -> bool:
    """Tell whether `head` is of a copy of what `former` says stands, or stood, under `name`."""
    said = head["Metadata"]
    return bool(
        said.get(FROM) == _mark(name, former) and said.get(TAG) == former["ETag"].strip('"')
    )


def _mark(name: str, head: dict[str, Any]) -> str:
    """When it was written is said too: the same bytes may come under the same name again."""
    return f"{described(name, head).modified:%Y%m%dT%H%M%SZ} {name}"


def copy(client: Any, bucket: str, entry: Entry, head: dict[str, Any], to: str) -> None:
    """Copy what `head` describes, whole or not at all. Raises the client's errors."""
    key = {"Bucket": bucket, "Key": to}
    upload = client.create_multipart_upload(
        **key,
        ContentType=head["ContentType"],
        Metadata={FROM: _mark(entry.name, head), TAG: head["ETag"].strip('"')},
    )["UploadId"]
    source = {
        "CopySource": {"Bucket": bucket, "Key": entry.name},
        "CopySourceIfMatch": head["ETag"],
    }
    starts = range(0, entry.size, COPY_BYTES)
    parts = [
        _part(client, number, key | {"UploadId": upload}, source, entry.size, start)
        for number, start in enumerate(starts, 1)
    ] or [_empty_part(client, key | {"UploadId": upload})]
    client.complete_multipart_upload(
        **key, UploadId=upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
    )


def _part(
    client: Any, number: int, upload: dict[str, str], source: dict[str, Any], size: int, start: int
) -> dict[str, Any]:
    last = min(start + COPY_BYTES, size) - 1
    answer = client.upload_part_copy(
        **upload, **source, PartNumber=number, CopySourceRange=f"bytes={start}-{last}"
    )
    return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}


def _empty_part(client: Any, upload: dict[str, str]) -> dict[str, Any]:
    return {"PartNumber": 1, "ETag": client.upload_part(**upload, PartNumber=1, Body=b"")["ETag"]}
