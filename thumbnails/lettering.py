"""Write a title that anybody may have typed: any script there is a font for, wrapped and fitted.

Used by `render` in its child; only `cleaned` is asked elsewhere, for whether there is a title.
Pillow's Raqm shapes and orders within one font; what is done here is the choosing of fonts, the
order of stretches in different fonts, and the breaking of lines.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont, features

FONTS = Path(__file__).parent / "fonts"
EMOJI = "NotoColorEmoji.ttf"
OTHERS = ("NotoSans-Bold.ttf", "NotoSansMath-Regular.ttf", "NotoSansSymbols2-Regular.ttf", EMOJI)
# By the first and last letter of what each is for; all else is looked for in OTHERS, in order.
SCRIPTS = (
    (0x0590, 0x05FF, "NotoSansHebrew-Bold.ttf"),
    (0x0600, 0x08FF, "NotoSansArabic-Bold.ttf"),
    (0x0964, 0x0965, "NotoSansBengali-Bold.ttf"),
    (0x0980, 0x09FF, "NotoSansBengali-Bold.ttf"),
    (0xFB50, 0xFDFF, "NotoSansArabic-Bold.ttf"),
    (0xFE70, 0xFEFE, "NotoSansArabic-Bold.ttf"),
)
EMOJI_PIXELS = 109  # the one size that the pictures of this font have
# They choose between forms of what stands before them; we have one form of each.
DROPPED = {0x200D, 0x20E3, 0xFE0E, 0xFE0F, *range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080)}
# Of a picture 720 high; scaled with its height.
LARGEST, SMALLEST, STEP = 108, 56, 4
LINE_HEIGHT, MARGIN, MOST_HEIGHT = 1.28, 56, 0.72
SHAPED = features.check("raqm")  # type: ignore[no-untyped-call]


class NoLetters(Exception):
    """No font here has these characters."""


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text in one font."""

    text: str
    font: str


@cache
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    if name == EMOJI or not SHAPED:
        return unshaped(name, EMOJI_PIXELS if name == EMOJI else size)
    return ImageFont.truetype(str(FONTS / name), size, layout_engine=ImageFont.Layout.RAQM)


@cache
def unshaped(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONTS / name), size, layout_engine=ImageFont.Layout.BASIC)


@cache
def has(name: str, letter: str) -> bool:
    """Tell whether a font has a letter: what it lacks looks as what no font has."""
    plain = unshaped(name, EMOJI_PIXELS)
    if name == EMOJI:
        return plain.getbbox(letter, mode="RGBA")[2:] != plain.getbbox("\uffff", mode="RGBA")[2:]
    return bytes(plain.getmask(letter)) != bytes(plain.getmask("\uffff"))


@cache
def font_of(letter: str) -> str:
    """Choose a font for one letter; empty where there is none."""
    code = ord(letter)
    for first, last, name in SCRIPTS:
        if first <= code <= last:
            return name if has(name, letter) else ""
    return next((name for name in OTHERS if has(name, letter)), "")


def cleaned(title: str) -> str:
    """Leave out what has no form of its own, and make every space one space.

    Empty where nothing is left that anybody would see.
    """
    kept = [
        letter
        for letter in unicodedata.normalize("NFC", title)
        if ord(letter) not in DROPPED and (letter.isspace() or unicodedata.category(letter) != "Cc")
    ]
    # Cf joins, parts or turns letters beside it.
    if all(letter.isspace() or unicodedata.category(letter) == "Cf" for letter in kept):
        return ""
    return " ".join("".join(kept).split())


def runs(text: str) -> list[Run]:
    """Split text where the font changes; spaces and marks go with what stands before them."""
    found: list[Run] = []
    for letter in text:
        name = font_of(letter)
        former = found[-1].font if found else ""
        joins = unicodedata.category(letter) in {"Mn", "Mc", "Cf"} or unicodedata.bidirectional(
            letter
        ) in {"WS", "ON", "CS", "ES", "ET"}
        if former not in {"", EMOJI, name} and joins and name != EMOJI and has(former, letter):
            name = former
        if found and name == former:
            found[-1] = Run(found[-1].text + letter, name)
        else:
            found.append(Run(letter, name))
    return [part for run in found for part in _apart(run)]


def _apart(run: Run) -> list[Run]:
    """Part the space at the end, which stands where the next stretch begins, on either side."""
    words = run.text.rstrip(" ")
    parts = (Run(words, run.font), Run(run.text[len(words) :], run.font))
    return [part for part in parts if part.text]


def is_from_right(text: str) -> bool:
    """Tell the direction of a text by the first letter that has one."""
    for letter in text:
        if (way := unicodedata.bidirectional(letter)) in {"L", "R", "AL"}:
            return way != "L"
    return False


def width(text: str, size: int) -> float:
    return sum(_run_width(run, size) for run in runs(text))


def _run_width(run: Run, size: int) -> float:
    if run.font == EMOJI:
        return font(EMOJI, size).getlength(run.text, mode="RGBA") * _emoji_scale(size)
    return font(run.font, size).getlength(run.text)


def _emoji_scale(size: int) -> float:
    return size * 1.05 / EMOJI_PIXELS


def wrapped(text: str, size: int, room: float) -> list[str]:
    """Break text into lines that are at most `room` wide: between words, else between clusters."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if width(longer, size) <= room:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for cluster in clusters(word):
            if lines[-1] and width(lines[-1] + cluster, size) > room:
                lines.append("")
            lines[-1] += cluster
    return lines


def clusters(word: str) -> Iterator[str]:
    """Yield what must not be torn: a letter with its marks, and what a virama joins."""
    cluster = ""
    for letter in word:
        joined = unicodedata.category(letter) in {"Mn", "Mc", "Me", "Cf"}
        after_virama = bool(cluster) and unicodedata.combining(cluster[-1]) == 9
        if cluster and not joined and not after_virama:
            yield cluster
            cluster = ""
        cluster += letter
    if cluster:
        yield cluster


def fitted(text: str, size: tuple[int, int]) -> tuple[int, list[str]]:
    """Return the largest letters in which the text fits, and its lines; cut where none does."""
    unit = size[1] / 720
    room = size[0] - 2 * MARGIN * unit
    for points in range(LARGEST, SMALLEST - 1, -STEP):
        letters = max(8, round(points * unit))
        lines = wrapped(text, letters, room)
        if len(lines) <= (2 if points > 88 else 3) and len(lines) * letters * LINE_HEIGHT <= (
            size[1] * MOST_HEIGHT
        ):
            return letters, lines
    most = int(size[1] * MOST_HEIGHT / (letters * LINE_HEIGHT))
    if len(lines) > most:
        lines = [*lines[: most - 1], shortened(lines[most - 1], letters, room)]
    return letters, lines


def shortened(line: str, letters: int, room: float) -> str:
    kept = list(clusters(line))
    while kept and width("".join(kept) + "…", letters) > room:
        kept.pop()
    return "".join(kept).rstrip() + "…"


def overlay(title: str, size: tuple[int, int]) -> Image.Image:
    """Draw the title in white over a shade that keeps it legible on any picture.

    Raises NoLetters with what cannot be written.
    """
    text = cleaned(title)
    if missing := dict.fromkeys(letter for letter in text if not font_of(letter)):
        raise NoLetters("".join(missing))
    letters, lines = fitted(text, size)
    high, from_right = letters * LINE_HEIGHT, is_from_right(text)
    margin = MARGIN * size[1] / 720
    top = size[1] - margin * 0.8 - high * len(lines)
    words = Image.new("RGBA", size, (255, 255, 255, 0))
    for index, line in enumerate(lines):
        baseline = top + index * high + letters * 0.98
        _write(words, line, letters, (margin, baseline), from_right=from_right)
    over = shade(size, top - letters * 0.9)
    dark = Image.new("RGBA", size, (0, 0, 0, 0))
    dark.putalpha(words.getchannel("A").filter(ImageFilter.GaussianBlur(letters / 16)))
    over.alpha_composite(dark)
    over.alpha_composite(words)
    return over


def shade(size: tuple[int, int], top: float) -> Image.Image:
    """Make a layer that darkens from `top` down."""
    column = Image.new("L", (1, size[1]))
    for y in range(size[1]):
        depth = min(1.0, max(0.0, (y - top) / (size[1] * 0.4)))
        column.putpixel((0, y), round(205 * depth**0.8))
    layer = Image.new("RGBA", size, (8, 12, 20, 0))
    layer.putalpha(column.resize(size))
    return layer


def _write(
    layer: Image.Image, line: str, letters: int, at: tuple[float, float], *, from_right: bool
) -> None:
    """Write one line from the side it begins at; stretches follow each other from there."""
    stretches = runs(line)
    margin, baseline = at
    x = margin
    if from_right:
        stretches.reverse()
        x = layer.width - margin - width(line, letters)
    for run in stretches:
        if run.font == EMOJI:
            _paste(layer, run, letters, (x, baseline))
        else:
            draw = ImageDraw.Draw(layer)
            draw.text((x, baseline), run.text, "white", font(run.font, letters), anchor="ls")
        x += _run_width(run, letters)


def _paste(layer: Image.Image, run: Run, letters: int, at: tuple[float, float]) -> None:
    """Put emoji in, scaled from the one size they have."""
    drawn = font(EMOJI, letters)
    length = max(1, round(drawn.getlength(run.text, mode="RGBA")))
    strip = Image.new("RGBA", (length, round(EMOJI_PIXELS * 1.3)), (0, 0, 0, 0))
    baseline = round(EMOJI_PIXELS * 1.02)
    ImageDraw.Draw(strip).text(
        (0, baseline), run.text, font=drawn, embedded_color=True, anchor="ls"
    )
    scale = _emoji_scale(letters)
    small = strip.resize(
        (max(1, round(strip.width * scale)), max(1, round(strip.height * scale))),
        Image.Resampling.LANCZOS,
    )
    place = (round(at[0]), round(at[1] - baseline * scale + letters * 0.06))
    layer.alpha_composite(small, (max(0, place[0]), max(0, place[1])))
