"""A client of tus that sends exactly what a test says."""

from __future__ import annotations

import base64
from typing import Any

from django.test import Client

UPLOADS = "/api/uploads"
OFFSET_STREAM = "application/offset+octet-stream"


def metadata(**values: str) -> str:
    return ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in values.items())


class Tus:
    """Speaks tus 1.0.0 unless told otherwise by a header; `None` leaves one out."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def send(self, method: str, path: str, body: bytes = b"", **headers: Any) -> Any:
        sent = {"Tus-Resumable": "1.0.0"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        kind = sent.pop("Content-Type", None) or "application/octet-stream"
        return self._client.generic(
            method,
            path,
            body,
            content_type=kind,
            headers={name: str(value) for name, value in sent.items() if value is not None},
        )

    def create(self, length: int, *, filename: str = "lecture.mp4", **fields: str) -> Any:
        said = metadata(filename=filename, **fields)
        return self.send("POST", UPLOADS, Upload_Length=length, Upload_Metadata=said)

    def begin(self, length: int, **fields: str) -> str:
        """Create an upload and return its address."""
        answer = self.create(length, **fields)
        assert answer.status_code == 201, answer.content
        return str(answer["Location"])

    def patch(self, path: str, offset: int, body: bytes, **headers: Any) -> Any:
        sent = {"Content-Type": OFFSET_STREAM, "Upload_Offset": offset, **headers}
        return self.send("PATCH", path, body, **sent)

    def head(self, path: str) -> Any:
        return self.send("HEAD", path)

    def offset(self, path: str) -> int:
        return int(self.head(path)["Upload-Offset"])
