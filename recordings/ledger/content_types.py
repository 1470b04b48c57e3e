"""Which content type a stored name is served and kept under; by extension, which is ours."""

from __future__ import annotations

CONTENT_TYPES = {
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "mov": "video/quicktime",
    "3gp": "video/3gpp",
    "mkv": "video/x-matroska",
    "webm": "video/webm",
    "avi": "video/x-msvideo",
    "ts": "video/mp2t",
    "ogg": "application/ogg",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "aac": "audio/aac",
    "json": "application/json",
    "srt": "application/x-subrip",
    "vtt": "text/vtt",
    "jpg": "image/jpeg",
    "png": "image/png",
}


def content_type(name: str) -> str:
    """Return the type for a stored name; bytes without meaning for an extension we do not know."""
    return CONTENT_TYPES.get(name.rpartition(".")[2], "application/octet-stream")
