"""Draw the slides of the demo recording with what Pillow brings, fonts included."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from recordings.demo.lecture import SLIDES, Slide

WIDTH, HEIGHT = 1280, 720
PAPER, INK, MUTED = "#f8f7f3", "#1d2733", "#66717d"
COLOURS: Final = ("#20639b", "#2a7f62", "#8a4f7d", "#b5651d", "#3d5a80", "#7a5230")
BAR: Final = 10  # pixels high


def draw_all(folder: Path) -> list[Path]:
    """Draw one picture for each slide and `bar.png`, what moves along below them."""
    bar = Image.new("RGB", (WIDTH, BAR), "#e0a93b")
    bar.save(folder / "bar.png")
    return [draw(slide, number, folder) for number, slide in enumerate(SLIDES)]


def draw(slide: Slide, number: int, folder: Path) -> Path:
    colour = COLOURS[number % len(COLOURS)]
    picture = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    canvas = ImageDraw.Draw(picture)
    canvas.rectangle((0, 0, 28, HEIGHT), fill=colour)
    canvas.text((110, 190), slide.title, fill=INK, font=ImageFont.load_default(62))
    canvas.rectangle((112, 282, 272, 288), fill=colour)
    for row, point in enumerate(slide.points):
        top = 330 + row * 74
        canvas.ellipse((112, top + 14, 128, top + 30), fill=colour)
        canvas.text((152, top), point, fill=INK, font=ImageFont.load_default(38))
    page = f"{number + 1} / {len(SLIDES)}"
    canvas.text((110, HEIGHT - 84), page, fill=MUTED, font=ImageFont.load_default(24))
    result = folder / f"slide{number}.png"
    picture.save(result)
    return result
