"""Which font has a letter: of those in settings.CAPTION_FONTS, and of no other.

libass is told a font for every stretch of text, so what is burned in looks the same with any
ffmpeg on any machine, and captions that would be burned in as boxes can be refused beforehand.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from typing import Final

from django.conf import settings
from PIL import ImageFont

USUAL: Final = "Noto Sans"  # comes first, if it is there
SIZE: Final = 32  # pixels, of the letters that are looked at
MOST_NAMED: Final = 20  # letters that no font has
NOBODYS: Final = "\uffff"  # in no font, so it looks as what a font lacks
# Digits and stops that several fonts have stay with their script; the rest is looked for in order.
SCRIPTS: Final = (
    (0x0590, 0x05FF, "Noto Sans Hebrew"),
    (0x0600, 0x08FF, "Noto Sans Arabic"),
    (0x0964, 0x0965, "Noto Sans Bengali"),
    (0x0980, 0x09FF, "Noto Sans Bengali"),
)


@dataclass(frozen=True, slots=True)
class Font:
    path: Path
    family: str


def all_fonts() -> tuple[Font, ...]:
    """The fonts of the site, in the order in which a letter is looked for in them."""
    return _in_folder(Path(settings.CAPTION_FONTS))


@cache
def _in_folder(folder: Path) -> tuple[Font, ...]:
    found = []
    for path in sorted(folder.glob("*")):  # nothing where the folder is missing
        if path.suffix.lower() in {".ttf", ".otf"}:
            try:
                family = _opened(path).getname()[0] or ""
            except OSError:  # such as one that has pictures for letters, in one size alone
                continue
            found.append(Font(path, family))
    return tuple(sorted(found, key=lambda font: font.family != USUAL))


@cache
def _opened(path: Path) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), SIZE, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(20_000)
def _has(path: Path, letter: str) -> bool:
    return bytes(_opened(path).getmask(letter)) != _nobodys(path)


@cache
def _nobodys(path: Path) -> bytes:
    """Draw what stands for any letter that the font has not."""
    return bytes(_opened(path).getmask(NOBODYS))


def family_of(letter: str) -> str:
    """Return the family of a font that has this letter; empty where there is none."""
    fonts = all_fonts()
    code = ord(letter)
    own = next((family for first, last, family in SCRIPTS if first <= code <= last), "")
    ordered = sorted(fonts, key=lambda font: font.family != own) if own else fonts
    return next((font.family for font in ordered if _has(font.path, letter)), "")


def missing(text: str) -> str:
    """Return letters and digits that no font here has, each once, as many as are worth naming.

    Signs without a font, such as emoji, are a lesser loss: nothing is said by them alone.
    """
    letters = (one for one in dict.fromkeys(text) if unicodedata.category(one)[0] in "LNM")
    return "".join(islice((one for one in letters if not family_of(one)), MOST_NAMED))
