"""Charts as shapes: numbers in, coordinates of an SVG out. Pure; the template draws them.

All lie in a box of WIDTH by HEIGHT. Every chart has its table beside it, so the picture says
nothing that words do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 720
HEIGHT: Final = 180
GAP: Final = 0.25  # of a bar's place


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle, with what it stands for."""

    x: float
    y: float
    width: float
    height: float
    series: int  # which colour
    label: str


def bars(columns: Sequence[Sequence[tuple[int, int, str]]]) -> list[Block]:
    """Stack the parts of each column (series, value, label); the tallest fills the height."""
    most = max((sum(value for _, value, _ in parts) for parts in columns), default=0)
    if not most:
        return []
    place = WIDTH / len(columns)
    blocks: list[Block] = []
    for index, parts in enumerate(columns):
        y = float(HEIGHT)
        for series, value, label in parts:
            height = HEIGHT * value / most
            y -= height
            x = (index + GAP / 2) * place
            blocks.append(Block(_r(x), _r(y), _r(place * (1 - GAP)), _r(height), series, label))
    return blocks


def line(values: Sequence[tuple[float, float]]) -> str:
    """Return the points of a line through (place, value), from zero up; empty for under two."""
    if len(values) < 2:
        return ""
    first, last = values[0][0], values[-1][0]
    most = max(value for _, value in values) or 1
    across = (last - first) or 1
    points = (
        (_r(WIDTH * (place - first) / across), _r(HEIGHT * (1 - value / most)))
        for place, value in values
    )
    return " ".join(f"{x},{y}" for x, y in points)


def _r(number: float) -> float:
    return round(number, 1)
