"""Text of unknown encoding: told by its mark or its fit, guessed only where the guess is sure.

What is not UTF takes a guess, since any bytes are letters in every old encoding. Cyrillic words
consist of high bytes alone, western ones mix them with ASCII; where neither is plain nothing is
guessed, so that no captions full of wrong letters are taken for text.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

LETTERS: Final = re.compile(rb"([A-Za-z]?)[\xc0-\xff]+([A-Za-z]?)")
COMMON: Final = frozenset("оеаинтсрвлОЕАИНТСРВЛ")  # two thirds of the letters of Russian
HIGH: Final = bytes(range(0x80, 0x100))
WESTERN, CYRILLIC = 0.75, 0.1  # at least and at most so much of the words is mixed
BETTER: Final = 1.3  # times as many common letters, which chance does not give


class NoText(ValueError):
    """These bytes are no text, or nobody can tell in which encoding; str() is a sentence."""


def decode(data: bytes) -> str:
    """Return the text of a file. Raises NoText."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif data[1:2] == b"\0":
        encoding = "utf-16-le"
    elif data[:1] == b"\0":
        encoding = "utf-16-be"
    else:
        encoding = "utf-8-sig" if _is_utf8(data) else _guess(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise NoText("this is no text; save the captions as UTF-8.") from error
    if "\0" in text:
        raise NoText("this is no text; save the captions as UTF-8.")
    return text


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _guess(data: bytes) -> str:
    if _is_damaged_utf8(data):
        raise NoText("this is UTF-8 with damage in it; save the captions as UTF-8 again.")
    if len(data.translate(None, delete=HIGH)) < len(data) / 2 and not LETTERS.search(data):
        raise NoText("this is no text; save the captions as UTF-8.")
    runs = LETTERS.findall(data)
    mixed = sum(1 for before, after in runs if before or after)
    if mixed >= WESTERN * len(runs):
        return "cp1252"
    if mixed <= CYRILLIC * len(runs):
        return "koi8-r" if _common(data, "koi8-r") > BETTER * _common(data, "cp1251") else "cp1251"
    raise NoText("nobody can tell in which encoding this text is; save the captions as UTF-8.")


def _is_damaged_utf8(data: bytes) -> bool:
    """Tell whether more of the high bytes fit together than not, which no other text does."""
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    return sum(1 for letter in text if letter > "\x7f") - wrong > wrong


def _common(data: bytes, encoding: str) -> int:
    return sum(1 for letter in data.decode(encoding, "replace") if letter in COMMON)
