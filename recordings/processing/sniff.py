"""Tell a container from its first bytes, whatever the client called the file.

Only containers that processing opens are known; text, playlists, archives, pages and pictures are
None. A table of our own: `filetype` and `python-magic` go by two or three bytes, which take UTF-16
text for MP3, and do not tell AAC from MP3 or WebM from Matroska.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

HEAD_SIZE: Final = 64 * 1024  # bytes worth giving to `sniff`
TS_PACKETS: Final = 5  # sync bytes in a row before MPEG-TS is believed


@dataclass(frozen=True, slots=True)
class Container:
    """What a file is, by its usual extension, without a dot."""

    extension: str


MP4 = Container("mp4")
MOV = Container("mov")
M4A = Container("m4a")
THREE_GP = Container("3gp")
MATROSKA = Container("mkv")
WEBM = Container("webm")
OGG = Container("ogg")
MP3 = Container("mp3")
WAV = Container("wav")
FLAC = Container("flac")
AAC = Container("aac")
AVI = Container("avi")
MPEG_TS = Container("ts")


def sniff(head: bytes) -> Container | None:
    """Name the container that `head`, the first `HEAD_SIZE` bytes, begins, or None."""
    for look in (_boxes, _ebml, _ogg, _riff, _tagged, _mpeg_audio, _transport_stream):
        if found := look(head):
            return found
    return None


def _boxes(head: bytes) -> Container | None:
    """ISO base media (MP4 and kin) and older QuickTime, which may begin without `ftyp`."""
    kind = head[4:8]
    if kind == b"ftyp" and int.from_bytes(head[:4]) >= 16:
        return _of_brand(head[8:12])
    return MOV if kind in _QUICKTIME and _fits(head) else None


def _of_brand(brand: bytes) -> Container | None:
    if brand[:3] in {b"3gp", b"3g2"}:
        return THREE_GP
    if brand[:3] in {b"M4A", b"M4B"}:
        return M4A
    if brand == b"qt  ":
        return MOV
    # HEIF and AVIF pictures share the shape.
    pictures = {b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis"}
    return None if brand in pictures else MP4


_QUICKTIME: Final = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}


def _fits(head: bytes) -> bool:
    """Tell whether the first box has a possible size and, where we see it, a box after it."""
    size = int.from_bytes(head[:4])
    if size in {0, 1}:  # to the end of the file, or a size of 64 bits
        return True
    return size >= 8 and (size + 8 > len(head) or head[size + 4 : size + 8] in _QUICKTIME)


def _ebml(head: bytes) -> Container | None:
    if not head.startswith(b"\x1aE\xdf\xa3"):
        return None
    doc_type = re.search(rb"\x42\x82[\x81-\x90\x40](webm|matroska)", head[:256])
    if doc_type is None:
        return None
    return WEBM if doc_type[1] == b"webm" else MATROSKA


def _ogg(head: bytes) -> Container | None:
    return OGG if head.startswith(b"OggS\0") else None


def _riff(head: bytes) -> Container | None:
    if head[:4] in {b"RIFF", b"RF64"} and head[8:12] == b"WAVE":
        return WAV
    return AVI if head[:4] == b"RIFF" and head[8:12] == b"AVI " else None


def _tagged(head: bytes) -> Container | None:
    """FLAC, and whatever hides behind an ID3 tag; a tag longer than the head is MP3's."""
    if head[:4] == b"fLaC":
        return FLAC
    if head[:3] != b"ID3" or len(head) < 10 or any(byte & 0x80 for byte in head[6:10]):
        return None
    size = 10
    for shift, byte in zip((21, 14, 7, 0), head[6:10], strict=True):
        size += byte << shift
    rest = head[size:].lstrip(b"\0")
    return sniff(rest) if len(rest) > 4 else MP3


def _mpeg_audio(head: bytes) -> Container | None:
    """MP3 and AAC have no signature, so two frame headers in a row have to fit."""
    readings: tuple[tuple[Container, Callable[[bytes], int]], ...] = (
        (MP3, _mp3_frame),
        (AAC, _aac_frame),
    )
    for container, length_of in readings:
        length = length_of(head[:8])
        if length and length_of(head[length : length + 8]):
            return container
    return None


_V1_RATES = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_V2_RATES = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def _mp3_frame(header: bytes) -> int:
    """Return the length of an MPEG audio layer III frame, 0 when this is none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return 0
    version, rate, sampling = (header[1] >> 3) & 3, header[2] >> 4, (header[2] >> 2) & 3
    if version == 1 or rate in {0, 15} or sampling == 3:
        return 0
    bits = (_V1_RATES if version == 3 else _V2_RATES)[rate] * 1000
    samples = 144 if version == 3 else 72
    return samples * bits // _SAMPLE_RATES[version][sampling] + ((header[2] >> 1) & 1)


def _aac_frame(header: bytes) -> int:
    """Return the length of an ADTS frame, 0 when this is none."""
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return 0
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return length if length > 7 and (header[2] >> 2) & 15 < 13 else 0


def _transport_stream(head: bytes) -> Container | None:
    """MPEG-TS, in packets of 188 bytes or, from cameras, 192."""
    for first, step in ((0, 188), (4, 192)):
        marks = head[first : first + step * TS_PACKETS : step]
        if marks == b"\x47" * TS_PACKETS:
            return MPEG_TS
    return None
