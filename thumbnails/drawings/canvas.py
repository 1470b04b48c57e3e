"""A sheet to draw on: coordinates from 0 to 1280 and 720, drawn at twice that and smoothed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from io import BytesIO
from random import Random
from typing import Final

from PIL import Image, ImageColor, ImageDraw

WIDTH: Final = 1280
HEIGHT: Final = 720
TWICE: Final = 2

Point = tuple[float, float]


def colour(name: str, alpha: float = 1.0) -> tuple[int, int, int, int]:
    red, green, blue = ImageColor.getrgb(name)[:3]
    return red, green, blue, round(255 * alpha)


class Sheet:
    """What a drawing draws on; shapes that are not solid let through what is below."""

    def __init__(self, top: str, bottom: str, *, seed: int = 1) -> None:
        self.image = self._graded(top, bottom)
        self.draw = ImageDraw.Draw(self.image, "RGBA")
        self.random = Random(seed)  # noqa: S311 - the same picture every time

    @staticmethod
    def _graded(top: str, bottom: str) -> Image.Image:
        first, last = colour(top), colour(bottom)
        column = Image.new("RGB", (1, HEIGHT * TWICE))
        for y in range(column.height):
            share = y / column.height
            red, green, blue, _ = (
                round(a + (b - a) * share) for a, b in zip(first, last, strict=True)
            )
            column.putpixel((0, y), (red, green, blue))
        return column.resize((WIDTH * TWICE, HEIGHT * TWICE))

    def circle(self, x: float, y: float, r: float, fill: str, alpha: float = 1.0) -> None:
        self.draw.ellipse(_scaled(x - r, y - r, x + r, y + r), fill=colour(fill, alpha))

    def ring(
        self, x: float, y: float, r: float, fill: str, width: float, alpha: float = 1.0
    ) -> None:
        box = _scaled(x - r, y - r, x + r, y + r)
        self.draw.ellipse(box, outline=colour(fill, alpha), width=round(width * TWICE))

    def box(
        self, x: float, y: float, w: float, h: float, fill: str, *, r: float = 0, alpha: float = 1.0
    ) -> None:
        self.draw.rounded_rectangle(
            _scaled(x, y, x + w, y + h), radius=r * TWICE, fill=colour(fill, alpha)
        )

    def cap(self, x: float, y: float, r: float, fill: str) -> None:
        """Draw the upper half of a circle."""
        box = _scaled(x - r, y - r, x + r, y + r)
        self.draw.pieslice((box[:2], box[2:]), 180, 360, fill=colour(fill))

    def shape(self, points: Iterable[Point], fill: str, alpha: float = 1.0) -> None:
        self.draw.polygon(_points(points), fill=colour(fill, alpha))

    def line(self, points: Sequence[Point], fill: str, width: float, alpha: float = 1.0) -> None:
        """Draw a line with round joints, and round ends where it is solid."""
        scaled = _points(points)
        self.draw.line(scaled, fill=colour(fill, alpha), width=round(width * TWICE), joint="curve")
        if alpha == 1.0:
            for x, y in (points[0], points[-1]):
                self.circle(x, y, width / 2, fill)

    def ellipse(
        self, at: Point, radii: Point, turn: float, fill: str, width: float, alpha: float = 1.0
    ) -> None:
        """Draw the outline of an ellipse turned by `turn` degrees."""
        self.line(oval(at, radii, turn), fill, width, alpha)

    def below(self, heights: Sequence[float], fill: str, alpha: float = 1.0) -> None:
        """Fill everything below a line of heights, from left to right."""
        step = WIDTH / (len(heights) - 1)
        edge = [(index * step, height) for index, height in enumerate(heights)]
        self.shape([*edge, (WIDTH, HEIGHT), (0, HEIGHT)], fill, alpha)

    def png(self) -> bytes:
        target = BytesIO()
        self.image.reduce(TWICE).save(target, "PNG", compress_level=9)
        return target.getvalue()


def oval(at: Point, radii: Point, turn: float) -> list[Point]:
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    flat = [
        (radii[0] * math.cos(t), radii[1] * math.sin(t))
        for t in (math.tau * step / 90 for step in range(91))
    ]
    return [(at[0] + x * cos - y * sin, at[1] + x * sin + y * cos) for x, y in flat]


def around(x: float, y: float, r: float, corners: int, turn: float = 0) -> list[Point]:
    """Return the corners of a regular shape."""
    angles = (math.radians(turn) + math.tau * corner / corners for corner in range(corners))
    return [(x + r * math.cos(angle), y + r * math.sin(angle)) for angle in angles]


def wave(base: float, swing: float, length: float, phase: float = 0.0) -> list[float]:
    """Return heights along the width, `length` being that of one wave."""
    return [base + swing * math.sin(math.tau * x / length + phase) for x in range(0, WIDTH + 8, 8)]


def _scaled(
    left: float, top: float, right: float, bottom: float
) -> tuple[float, float, float, float]:
    return left * TWICE, top * TWICE, right * TWICE, bottom * TWICE


def _points(points: Iterable[Point]) -> list[Point]:
    return [(x * TWICE, y * TWICE) for x, y in points]
