"""Files that are made to hurt who opens them, or that only look like pictures."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Final

from PIL import Image

from tests.thumbnails.conftest import picture

SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, *, depth: int = 8, kind: int = 2, body: bytes = b"") -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    data = zlib.compress(body or b"\0" * 1000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def bomb_of_text() -> bytes:
    """A small PNG whose comment unfolds to 200 MB."""
    whole = picture("PNG")
    packed = zlib.compress(b"\0" * 200_000_000, 9)
    return whole[:33] + chunk(b"zTXt", b"Comment\0\0" + packed) + whole[33:]


def bomb_of_profile() -> bytes:
    whole = picture("PNG")
    packed = zlib.compress(b"\0" * 200_000_000, 9)
    return whole[:33] + chunk(b"iCCP", b"p\0\0" + packed) + whole[33:]


def many_scans() -> bytes:
    """A progressive JPEG that asks for the same pixels to be gone over 5,000 times."""
    target = BytesIO()
    Image.effect_noise((2000, 2000), 60).convert("RGB").save(target, "JPEG", progressive=True)
    whole = target.getvalue()
    return whole[:-2] + b"\xff\xda\0\x08\x01\x01\0\x01\x3f\0\0" * 5000


def many_frames() -> bytes:
    frames = [Image.new("P", (1000, 1000), index % 250) for index in range(300)]
    target = BytesIO()
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:])
    return target.getvalue()


def odd_exif() -> bytes:
    """A good picture that says its width in words, as only odd cameras do."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "wide"
    return picture("JPEG", (64, 36), exif=exif).replace(b"\x01\x0e\0\x02", b"\x01\0\0\x02")


def polyglot() -> bytes:
    """A GIF that is a script as well."""
    return b"GIF89a/*" + b"\0" * 10 + b"*/=1;alert(1)//" + SVG


def large_gif() -> bytes:
    return b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\xf0\0\0" + b"\0" * 6 + b";"


def large_webp() -> bytes:
    """The header of an animation of 16,383 by 16,383 pixels."""
    body = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + b"\xfe\x3f\0" * 2
    body += b"ANIM" + struct.pack("<I", 6) + b"\0" * 6
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


REFUSED: Final[dict[str, Callable[[], bytes]]] = {
    "nothing in it": lambda: b"",
    "text": lambda: b"hello, I am no picture" * 100,
    "svg": lambda: SVG,
    "html": lambda: b"<html><img src=x onerror=alert(1)>",
    "pdf": lambda: b"%PDF-1.7\n" + b"\0" * 1000,
    "bmp": lambda: picture("BMP"),
    "tiff": lambda: picture("TIFF"),
    "ico": lambda: picture("ICO", (64, 64)),
    "eps": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (w) file\n",
    "a billion pixels": lambda: png(31_623, 31_623),
    "2^31 pixels wide": lambda: png(2**31 - 1, 2**31 - 1),
    "no pixels": lambda: png(0, 0),
    "40 million and a row": lambda: picture("PNG", (8000, 5001)),
    "large gif": large_gif,
    "large webp": large_webp,
    "cut-off jpeg": lambda: picture("JPEG", (900, 900))[:700],
    "cut-off png": lambda: picture("PNG", (900, 900))[:200],
    "cut-off webp": lambda: picture("WEBP", (900, 900))[:60],
    "head of a jpeg": lambda: b"\xff\xd8\xff\xe0",
    "head of a png": lambda: b"\x89PNG\r\n\x1a\n",
    "comment bomb": bomb_of_text,
    "many scans": many_scans,
    "polyglot": polyglot,
}
