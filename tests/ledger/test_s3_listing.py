"""What a bucket answers when it is listed: read as boto reads it, and never by half."""

from __future__ import annotations

import pytest

from recordings.ledger.exceptions import StorageFault
from recordings.ledger.s3_listing import Reader
from recordings.ledger.storages import storage

pytestmark = pytest.mark.django_db


def answer(*keys: str, more: str = "<IsTruncated>false</IsTruncated>") -> bytes:
    contents = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-11-20T02:00:00.000Z</LastModified>"
        f"<Size>5</Size><Owner><ID>x</ID></Owner></Contents>"
        for key in keys
    )
    return f"<ListBucketResult>{more}{contents}</ListBucketResult>".encode()


def test_answer_of_a_store_is_read():
    reader = Reader.of(answer("a&amp;b", "c", more="<IsTruncated>false</IsTruncated>"))

    assert (reader.names, reader.sizes) == (["a&b", "c"], ["5", "5"])


@pytest.mark.parametrize(
    "body",
    [
        answer("a")[:-5],
        answer("a", more=""),
        answer("a", more="<IsTruncated>true</IsTruncated>"),
        answer("a", more="<IsTruncated>false</IsTruncated><KeyCount>2</KeyCount>"),
        answer("a").replace(b"<Size>5</Size>", b""),
        b"",
        b"<html>",
    ],
)
def test_half_an_answer_is_none(body):
    with pytest.raises(StorageFault):
        Reader.of(body)


@pytest.mark.s3
def test_bucket_is_listed_as_boto_lists_it(s3):
    keys = ["a b", "a+b", "a%b", "a&b", "ä/ö", "x<y>", "plain", "😀"]
    for key in keys:
        s3.client.put_object(Bucket="media", Key=key, Body=key.encode())

    theirs = s3.client.list_objects_v2(Bucket="media")["Contents"]
    ours = list(s3.listing())

    assert [entry.name for entry in ours] == [found["Key"] for found in theirs]
    assert [entry.size for entry in ours] == [found["Size"] for found in theirs]
    assert [s3.entry(entry.name) for entry in ours] == ours
    assert [name for page in s3.pages(after="plain") for name in page.names] == [
        "x<y>",
        "ä/ö",
        "😀",
    ]


@pytest.mark.s3
def test_bucket_of_several_answers_is_one_listing(s3, monkeypatch):
    from recordings.ledger import s3

    for number in range(7):
        s3_put = storage("s3").client.put_object
        s3_put(Bucket="media", Key=f"k{number}", Body=b"")
    monkeypatch.setattr(s3, "PAGE", 3)
    events = storage("s3").client.meta.events
    events.register(
        "provide-client-params.s3.ListObjectsV2", lambda params, **_: params | {"MaxKeys": 2}
    )

    pages = [page.names for page in storage("s3").pages()]

    assert pages == [["k0", "k1", "k2", "k3"], ["k4", "k5", "k6"]]
