"""Captions: read SRT and WebVTT from anywhere, write both, and say which line is wrong and why."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from recordings.processing.encodings import NoText, decode

MOST_BYTES: Final = 10 * 1024**2
MOST_SEGMENTS: Final = 100_000
LONGEST: Final = 100 * 3600  # seconds; no recording has a later moment


class CaptionError(ValueError):
    """Captions that cannot be read; str() is a sentence that names the line."""

    def __init__(self, line: int, reason: str) -> None:
        self.line, self.reason = line, reason
        super().__init__(f"Line {line}: {reason}")


@dataclass(frozen=True, slots=True)
class Segment:
    """Words and when they are said, in seconds from the start; `end` is after `start`."""

    start: float
    end: float
    text: str


def parse(data: bytes) -> list[Segment]:
    """Read an SRT or WebVTT file, in order of time. Raises CaptionError."""
    if len(data) > MOST_BYTES:
        raise CaptionError(1, f"the file is larger than {MOST_BYTES // 1024**2} MB of captions.")
    lines = _decode(data).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    _refuse_others(lines)
    is_vtt = re.match(r"WEBVTT([ \t]|$)", lines[0]) is not None
    segments = list(_cues(lines, is_vtt=is_vtt))
    if not segments:
        raise CaptionError(1, "there is no caption in this file; give SRT or WebVTT.")
    if len(segments) > MOST_SEGMENTS:
        raise CaptionError(1, f"there are more than {MOST_SEGMENTS} captions in this file.")
    return sorted(segments, key=lambda segment: (segment.start, segment.end))


def _decode(data: bytes) -> str:
    try:
        return decode(data)
    except NoText as error:
        raise CaptionError(1, str(error)) from error


def _refuse_others(lines: Sequence[str]) -> None:
    """Name the one other format that people often have."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            if re.match(r"\[(Script Info|V4\+? Styles|Events)\]", line.strip(), re.IGNORECASE):
                raise CaptionError(
                    number, "this is an ASS file; save the captions as SRT or WebVTT."
                )
            return


def _cues(lines: Sequence[str], *, is_vtt: bool) -> Iterator[Segment]:
    """Go block by block; blank lines part the blocks."""
    for first, block in _blocks(lines, start=1 if is_vtt else 0):
        if is_vtt and (first == 1 or re.match(r"(NOTE|STYLE|REGION)([ \t]|$)", block[0])):
            continue
        at = 0 if "-->" in block[0] else 1  # behind a number or a cue's name
        at = min(at, len(block) - 1)
        start, end = _times(block[at], first + at + 1)
        if text := _clean("\n".join(block[at + 1 :]), is_vtt=is_vtt):
            yield Segment(start, end, text)


def _blocks(lines: Sequence[str], *, start: int) -> Iterator[tuple[int, list[str]]]:
    """Yield blocks with the index of their first line; a WebVTT header ends at its blank line."""
    block: list[str] = []
    in_header = bool(start)
    for index, line in enumerate([*lines, ""]):
        if line.strip():
            block.append(line)
        elif block:
            if not in_header:
                yield index - len(block), block
            block, in_header = [], False


_TIME = r"(?:(\d{1,3}):)?([0-5]?\d):([0-5]?\d)(?:[,.](\d{1,3}))?"
_NEGATIVE: Final = re.compile(rf"\s*(?:-\s*{_TIME}\s*-->|{_TIME}\s*-->\s*-)")
_TIMES: Final = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s+.*)?")


def _times(line: str, number: int) -> tuple[float, float]:
    match = _TIMES.fullmatch(line)
    if match is None and _NEGATIVE.match(line):
        raise CaptionError(number, "a time before the start of the recording; none is negative.")
    if match is None:
        raise CaptionError(
            number, f"{_quote(line)} is no time; write 00:00:01,000 --> 00:00:04,000."
        )
    start, end = _seconds(*match.groups()[:4]), _seconds(*match.groups()[4:])
    if end <= start:
        raise CaptionError(number, "the caption ends before it starts; the later time goes last.")
    if end > LONGEST:
        raise CaptionError(number, f"a time later than {LONGEST // 3600} hours.")
    return start, end


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> float:
    thousandths = int((fraction or "").ljust(3, "0"))
    whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
    return (whole * 1000 + thousandths) / 1000


def _quote(line: str) -> str:
    line = line.strip()
    return f"“{line[:40]}…”" if len(line) > 40 else f"“{line}”"


_SRT_TAGS: Final = re.compile(r"</?(?:b|i|u|s|font)(?:\s[^<>]*)?>", re.IGNORECASE)
_ASS_TAGS: Final = re.compile(r"\{\\[^{}]*\}")
_VTT_TAGS: Final = re.compile(r"<[^<>]*>")


# What looks like markup in a caption's words is written so that nobody takes it for some.
_OBEYED: Final = re.compile(
    r"<(?=/?(?:b|i|u|s|font)(?:\s[^<>]*)?>)|\{(?=\\[^{}]*\})", re.IGNORECASE
)
_INERT: Final = "\u2060\u2060"  # nobody sees it
_JOINERS: Final = re.compile("\u2060{2,}")


def _clean(text: str, *, is_vtt: bool) -> str:
    if is_vtt:
        return clean(html.unescape(_VTT_TAGS.sub("", text)))
    if _ASS_TAGS.search(text):  # taken over from ASS, with its line breaks perhaps
        text = _ASS_TAGS.sub("", text).replace("\\N", "\n").replace("\\h", " ")
    return clean(_SRT_TAGS.sub("", text).replace(_INERT, ""))


def clean(text: str) -> str:
    """Drop what no caption shows: control characters, lone surrogates, blank lines.

    A blank line would end the caption in every format that is written. Joiners stand alone, since
    several of them are what makes markup inert.
    """
    lines = (_visible(line).strip() for line in text.splitlines())
    return _JOINERS.sub("\u2060", "\n".join(line for line in lines if line))


def _visible(line: str) -> str:
    line = line.replace("\t", " ")
    return line if line.isprintable() else "".join(one for one in line if _is_kept(one))


def _is_kept(letter: str) -> bool:
    # Cf stays: joiners and marks of direction shape Bengali, Persian and Arabic.
    return unicodedata.category(letter) not in {"Cc", "Cs"}


def write_srt(segments: Iterable[Segment]) -> str:
    """Write SRT, with CRLF as players expect and an arrow that cannot pass for a time."""
    cues = (
        f"{number}\n{_stamp(one.start, ',')} --> {_stamp(one.end, ',')}\n"
        f"{_inert(clean(one.text)).replace('-->', '→')}\n\n"
        for number, one in enumerate(segments, start=1)
    )
    return "".join(cues).replace("\n", "\r\n")


def _inert(text: str) -> str:
    return _OBEYED.sub(lambda found: found[0] + _INERT, text)


def write_vtt(segments: Iterable[Segment]) -> str:
    """Write WebVTT; `&`, `<` and `>` are escaped, so no text becomes a tag."""
    cues = (
        f"\n{_stamp(one.start, '.')} --> {_stamp(one.end, '.')}\n"
        f"{html.escape(clean(one.text), quote=False)}\n"
        for one in segments
    )
    return "WEBVTT\n" + "".join(cues)


def _stamp(seconds: float, point: str) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}{point}{thousandths:03}"


def cut(segments: Iterable[Segment], *, start: float, end: float) -> list[Segment]:
    """Move captions of a source onto the clock of its cut from `start` to `end`.

    What lies outside goes, and what is left of no length; what crosses an edge is shortened to it.
    """
    inside = (one for one in segments if one.end > start and one.start < end)
    moved = (
        replace(one, start=max(one.start - start, 0.0), end=min(one.end, end) - start)
        for one in inside
    )
    return [one for one in moved if round(one.end * 1000) > round(one.start * 1000)]
