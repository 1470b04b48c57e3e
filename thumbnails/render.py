"""Decode, cut and write on a picture: Pillow only, bytes in, bytes out.

    python -I render.py ORDER < picture

A program of its own, since pictures come from anybody: it runs under the limits that
`sandbox.render` sets, imports nothing of this project, and prints base64 lines, or one line
`refused WORD`. ORDER is JSON:

- `size` [width, height] and `fit`: "cover" fills it, "inside" stays within; `grow` says whether a
  smaller picture is enlarged;
- `crop` [x, y, zoom]: the middle of what is kept as shares of the sides, zoom from 1;
- `title`, written over it; without a picture on standard input over nothing, to be laid over one;
- `format`: PNG, WEBP, or RAW for the bare pixels.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
MOST_PIXELS = 40_000_000
# A picture of few pixels can ask for many passes over them: each scan of a JPEG is one.
MOST_SCANS = 100
# Of a JPEG: what begins a segment. Not what stands among its pixels: a restart, or 255 itself.
MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])", re.DOTALL)
SCAN, END = b"\xda", b"\xd9"
ZOOM = 8.0  # at most
LINE = 48 * 1024  # bytes before base64
# What Pillow raises on damaged and hostile files while it reads them. What it raises elsewhere is a
# mistake of ours: it ends the program, and the site's log says how.
DAMAGED = (
    OSError, SyntaxError, IndexError, KeyError, ValueError, NotImplementedError, OverflowError,
    ZeroDivisionError, EOFError,
)  # fmt: skip
ORIENTATION = 0x0112  # in EXIF; 1 is upright
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Refused(Exception):
    """The word is a key of `sandbox.SENTENCES`."""


def main(order: dict[str, Any], data: bytes) -> bytes:
    """Carry out one order. Raises Refused."""
    image = None
    if data or not order.get("title"):
        image = decoded(data, order)
    if order.get("title"):
        image = titled(image, order)
    assert image is not None
    return encoded(image, order["format"])


def decoded(data: bytes, order: dict[str, Any]) -> Image.Image:
    """Read the first frame, upright, opaque, cut and scaled as the order says."""
    image = opened(data)
    with reading():
        turn = image.getexif().get(ORIENTATION)
    width, height = image.size
    shown = (height, width) if turn in {5, 6, 7, 8} else (width, height)
    box, target = placed(shown, order)
    with reading():
        if image.format == "JPEG":  # decodes to a half, quarter or eighth where that is enough
            share = max(target[0] / (box[2] - box[0]), target[1] / (box[3] - box[1]))
            if share < 1:
                image.draft("RGB", (int(width * share) + 1, int(height * share) + 1))
        image.load()
    if turn in TURNS:  # not exif_transpose, which also writes all of EXIF anew and fails on some
        image = image.transpose(TURNS[turn])
    image = opaque(image)
    kept = region(box, shown, image.size)
    return image.resize(target, Image.Resampling.LANCZOS, box=kept, reducing_gap=3.0)


@contextmanager
def reading() -> Iterator[None]:
    """Refuse what Pillow stumbles over."""
    try:
        yield
    except UnidentifiedImageError:
        raise Refused("kind") from None
    except DAMAGED:
        raise Refused("damaged") from None


def opened(data: bytes) -> Image.Image:
    """Read the header alone."""
    if data[:2] == b"\xff\xd8" and scans(data) > MOST_SCANS:
        raise Refused("scans")
    with reading():
        image = Image.open(BytesIO(data), formats=FORMATS)
    if image.width * image.height > MOST_PIXELS:
        raise Refused("pixels")
    return image


def scans(data: bytes) -> int:
    """Count the scans of a JPEG as its decoder comes by them, up to the end of the picture.

    What stands in other segments, such as a profile, or behind the end is not decoded.
    """
    count, at = 0, 2
    while (found := MARKER.search(data, at)) and found[1] != END:
        at = found.end()
        at += int.from_bytes(data[at : at + 2])  # the length of a segment counts itself
        count += found[1] == SCAN
    return count


def opaque(image: Image.Image) -> Image.Image:
    """Bring any mode to RGB; what shines through becomes white."""
    if image.mode.startswith("I"):  # 16 bits of grey
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        layer = image.convert("RGBA")
        image = Image.new("RGB", layer.size, "white")
        image.paste(layer, mask=layer.getchannel("A"))
    return image.convert("RGB")


Box = tuple[float, float, float, float]


def placed(shown: tuple[int, int], order: dict[str, Any]) -> tuple[Box, tuple[int, int]]:
    """Return what is kept of a picture of the size `shown`, and how large that becomes."""
    width, height = shown
    wide, high = order["size"]
    if order.get("fit") == "inside":
        scale = min(wide / width, high / height)
        scale = scale if order.get("grow") else min(scale, 1.0)
        return (0, 0, width, height), (max(1, round(width * scale)), max(1, round(height * scale)))
    x, y, zoom = order.get("crop") or (0.5, 0.5, 1.0)
    scale = min(width / wide, height / high) / min(max(zoom, 1.0), ZOOM)
    across, down = wide * scale, high * scale
    # Rounding can make a side that is kept whole a little longer than it is, hence the order.
    left = max(0.0, min(x * width - across / 2, width - across))
    top = max(0.0, min(y * height - down / 2, height - down))
    shrink = 1.0 if order.get("grow") else min(1.0, scale)
    target = (max(1, round(wide * shrink)), max(1, round(high * shrink)))
    return (left, top, left + across, top + down), target


def region(box: Box, shown: tuple[int, int], size: tuple[int, int]) -> Box:
    """Find a box of the picture `shown` in the `size` it was decoded to, never beyond its sides."""
    across, down = size[0] / shown[0], size[1] / shown[1]
    left, top, right, bottom = box
    return left * across, top * down, min(right * across, size[0]), min(bottom * down, size[1])


def titled(image: Image.Image | None, order: dict[str, Any]) -> Image.Image:
    """Write the title over a picture, or over nothing. Raises Refused."""
    lettering = beside("lettering")
    size = image.size if image else tuple(order["size"])
    try:
        over: Image.Image = lettering.overlay(order["title"], size)
    except lettering.NoLetters as error:
        raise Refused(f"letters {json.dumps(str(error))}") from None
    if image is None:
        return over
    image = image.convert("RGBA")
    image.alpha_composite(over)
    return image.convert("RGB")


def beside(name: str) -> Any:
    """Load a module of this folder, which `-I` keeps off the path."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec
    assert spec.loader
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def encoded(image: Image.Image, form: str) -> bytes:
    """Write pixels and nothing else: no profile, no comment, no place where it was taken."""
    if form == "RAW":
        return image.tobytes()
    clean = Image.frombytes(image.mode, image.size, image.tobytes())
    target = BytesIO()
    if form == "PNG":
        clean.save(target, "PNG", compress_level=7)
    else:
        clean.save(target, "WEBP", quality=84, method=4)
    return target.getvalue()


def run() -> None:
    Image.MAX_IMAGE_PIXELS = None  # ours is asked above, with a sentence for it
    try:
        made = main(json.loads(sys.argv[1]), sys.stdin.buffer.read())
    except Refused as error:
        sys.stdout.write(f"refused {error}\n")
        return
    except MemoryError:
        sys.stdout.write("refused memory\n")
        return
    for start in range(0, len(made), LINE):
        sys.stdout.write(base64.b64encode(made[start : start + LINE]).decode() + "\n")


if __name__ == "__main__":
    run()
