"""Captions as an ASS script of our own, for libass to burn into a picture.

Nothing of a caption's text is left for libass to obey: braces and backslashes are shown as they
are. Each script is told its font by name, since an ffmpeg without the system's fonts finds no other
by itself, and one letter in the wrong font breaks the shape of a Bengali word.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from recordings.editing.fonts import USUAL, family_of
from recordings.editing.style import Style
from recordings.processing.captions import Segment

_APART: Final = "\u2060\\\u2060"  # joiners, so that neither a brace nor a letter meets a backslash
ALIGNMENT: Final = {"bottom": 2, "middle": 5, "top": 8}
SIDE: Final = 5  # percent of the width left free on either side
PADDING: Final = 1  # percent of the height, of a box around its text
OUTLINED, BOXED = 1, 4  # libass: 4 is one box around all lines, as far out as the shadow
FIELDS: Final = (
    "Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, "
    "Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, "
    "Alignment, MarginL, MarginR, MarginV, Encoding"
)
_EVENTS: Final = (
    "[Events]",
    "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text",
)
# What ffmpeg takes for a text without a style of its own.
_NO_STYLE: Final = (
    "Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1"
)
_NO_ESCAPE: Final = "\\\u200d"  # an invisible joiner parts a backslash from what it would escape


def script(segments: Iterable[Segment], style: Style, *, width: int, height: int) -> str:
    """Write the whole file for a picture of this size, in pixels."""
    return "\n".join(
        [
            "[Script Info]",
            "ScriptType: v4.00+",
            f"PlayResX: {width}",
            f"PlayResY: {height}",
            "WrapStyle: 0",
            "ScaledBorderAndShadow: yes",
            "",
            "[V4+ Styles]",
            f"Format: {FIELDS}",
            _style(style, width, height),
            "",
            *_EVENTS,
            *(_event(one, text(one.text)) for one in segments),
            "",
        ]
    )


def plain(segments: Sequence[Segment]) -> str:
    """Write captions for a track, which has no fonts: the one form that ffmpeg leaves as it is.

    Braces and backslashes come through; beside a backslash stands an invisible joiner.
    """
    head = ["[Script Info]", "ScriptType: v4.00+", "PlayResX: 384", "PlayResY: 288", ""]
    style = ["[V4+ Styles]", f"Format: {FIELDS}", _NO_STYLE, ""]
    said = (
        one.text.replace("\\", _APART).replace("{\n", "{\u2060\n").replace("\n", "\\N")
        for one in segments
    )
    events = (_event(one, words) for one, words in zip(segments, said, strict=True))
    return "\n".join([*head, *style, *_EVENTS, *events, ""])


def _style(style: Style, width: int, height: int) -> str:
    side = round(width * SIDE / 100)
    edge = 0 if style.position == "middle" else round(height * style.margin / 100)
    opaque = style.box_opacity / 100 if style.box else 0.0
    values: Sequence[object] = [
        *("Default", USUAL, round(height * style.font_size / 100, 1)),
        *(_colour(style.color), _colour(style.color), _colour(style.outline_color)),
        _colour(style.box_color, opaque),
        *(-1, 0, 0, 0, 100, 100, 0, 0),  # bold, and as the font is otherwise
        BOXED if style.box else OUTLINED,
        round(height * style.outline / 100, 2),
        round(height * PADDING / 100, 1) if style.box else 0,
        *(ALIGNMENT[style.position], side, side, edge, -1),
    ]
    return "Style: " + ",".join(str(value) for value in values)


def _colour(colour: str, opaque: float = 1.0) -> str:
    """Write `#rrggbb` as ASS does: transparency, then blue, green, red."""
    red, green, blue = colour[1:3], colour[3:5], colour[5:7]
    return f"&H{round(255 * (1 - opaque)):02X}{blue}{green}{red}".upper()


def _event(segment: Segment, words: str) -> str:
    start, end = _stamp(segment.start), _stamp(segment.end)
    return f"Dialogue: 0,{start},{end},Default,,0,0,0,,{words}"


def _stamp(seconds: float) -> str:
    whole, hundredths = divmod(round(seconds * 100), 100)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}.{hundredths:02}"


def text(shown: str) -> str:
    """Write what is to be shown, with the font of each stretch named before it."""
    lines = (_line(line) for line in shown.split("\n"))
    return "\\N".join(lines)


def _line(line: str) -> str:
    stretches = (
        (family, "".join(letter for letter, _ in pairs))
        for family, pairs in groupby(_with_fonts(line), key=lambda pair: pair[1])
    )
    return "".join(f"{{\\fn{family}}}{_escaped(stretch)}" for family, stretch in stretches)


def _escaped(stretch: str) -> str:
    shown = stretch.replace("\\", _NO_ESCAPE)
    return shown.replace("{", "\\{").replace("}", "\\}")


def _with_fonts(line: str) -> Iterator[tuple[str, str]]:
    """Yield letters with their fonts; spaces, marks and joiners stay with what they follow."""
    family = USUAL
    for letter in line:
        if not (letter == " " or unicodedata.category(letter) in {"Mn", "Mc", "Me", "Cf"}):
            family = family_of(letter) or family
        yield letter, family
