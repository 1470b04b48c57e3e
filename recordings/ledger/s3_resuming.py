"""Going on with a multipart upload in a bucket.

What is short of a part is kept beside the markers, under a name of its own that is written down,
so nothing that a process left which was thought dead is ever taken for it. Numbers of parts are
written down before they are used and not used again, so no request that comes late replaces a part.
"""

from __future__ import annotations

from contextlib import closing
from typing import Any
from uuid import UUID, uuid4

from recordings.ledger.exceptions import Damaged
from recordings.ledger.resuming import Rest
from recordings.ledger.s3_writing import MARKERS, PART_BYTES, S3Writer, told

MOST_WASTED = 32  # parts that were sent and count for nothing: half a gigabyte


class S3Resumed(S3Writer):
    """Send the parts that come, and complete those of all requests into one object.

    The state: `upload`; `number`, the last one that may have been used; `parts`, each as number,
    ETag, SHA-256 and size; `tail`, the name of what is short of a part, or empty.
    """

    gone = "What had been sent of this file was removed from the store; upload it again."

    def __init__(self, client: Any, bucket: str, name: str, part: UUID, rest: Rest) -> None:
        begun = rest.state.get("upload", "")
        super().__init__(client, bucket, name, part, begun)
        self._note = rest.note
        self._state: dict[str, Any] = {"number": 0, "parts": [], "tail": ""}
        self._state |= rest.state | {"upload": self._upload}
        self._replaced = ""
        if not begun:
            self._note(self._state)
        self._parts += self._state["parts"]
        self._buffer += self._tail()
        if sum(part[3] for part in self._parts) + len(self._buffer) != rest.offset:
            raise Damaged("The store kept less of this file than was sent to it.")

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

    def _next_number(self) -> int:
        number = int(self._state["number"]) + 1
        if number - len(self._parts) > MOST_WASTED:
            raise Damaged("Too much of this file was sent in vain; upload it again.")
        self._state["number"] = number
        self._note(self._state)
        return number

    def rest(self, *, complete: bool) -> dict[str, Any]:
        if complete:
            self._send_last()
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
        if not self._came_through():
            self._complete()
