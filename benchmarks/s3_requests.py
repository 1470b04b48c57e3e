"""Purge files from S3 and count the requests: exactly ceil(files / 1000) DeleteObjects.

Run: `python -m benchmarks.s3_requests [files]`, against a server started in this process.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from typing import Any

from benchmarks.bench import seconds, site


def main(count: int) -> int:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ |= {
        "AWS_STORAGE_BUCKET_NAME": "bench",
        "AWS_S3_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with site():
        from django.core.files.storage import storages

        bucket = storages["s3"]
        bucket.client.create_bucket(Bucket="bench")
        condemn(count, bucket)
        holds = purge_counted(count, bucket)
    server.stop()
    return 0 if holds else 1


def condemn(count: int, bucket: Any) -> None:
    """Make the rows of `count` files that are due, and the objects of a few of them."""
    from django.db.models.functions import Now

    from benchmarks.quota import fill
    from recordings.ledger.models import Account, StoredFile

    Account.objects.create(owner_id=1)
    fill(1, count)
    StoredFile.objects.update(storage="s3", state="condemned", not_before=Now())
    for name in StoredFile.objects.values_list("file", flat=True)[:5]:
        bucket.client.put_object(Bucket="bench", Key=str(name), Body=b"x")


def purge_counted(count: int, bucket: Any) -> bool:
    """Purge, count the requests by kind, and say whether they are as few as can be."""
    from recordings.ledger.models import Receipt
    from recordings.ledger.purge import purge

    requests: Counter[str] = Counter()
    events = bucket.client.meta.events
    events.register("before-call.s3", lambda model, **_: requests.update([model.name]))
    took = seconds(purge)
    wanted = -(-count // 1000)
    print(f"  {count} files in {took:.1f} s: {dict(requests)}, {Receipt.objects.count()} receipts")
    holds = requests == {"DeleteObjects": wanted} and not list(bucket.listing())
    verdict = "holds" if holds else "MISSED"
    print(f"S3 purge: {requests['DeleteObjects']} requests, {wanted} allowed: {verdict}")
    return holds


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_500))
