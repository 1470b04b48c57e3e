"""Captions: read SRT and WebVTT from anywhere, write both, and say which line is wrong and why."""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

MOST_BYTES: Final = 10 * 1024**2
MOST_SEGMENTS: Final = 100_000


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
    is_vtt = re.match(r"WEBVTT([ \t]|$)", lines[0]) is not None
    segments = list(_cues(lines, is_vtt=is_vtt))
    if not segments:
        raise CaptionError(1, "there is no caption in this file; give SRT or WebVTT.")
    if len(segments) > MOST_SEGMENTS:
        raise CaptionError(1, f"there are more than {MOST_SEGMENTS} captions in this file.")
    return sorted(segments, key=lambda segment: (segment.start, segment.end))


def _decode(data: bytes) -> str:
    """Take UTF-8 or UTF-16 by mark or by fit, else the CP1251 of older Cyrillic subtitles."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    elif data[1:2] == b"\0":
        encodings = ["utf-16-le"]
    elif data[:1] == b"\0":
        encodings = ["utf-16-be"]
    else:
        encodings = ["utf-8-sig", "cp1251"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise CaptionError(1, "this is no text; save the captions as UTF-8.")


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
_TIMES: Final = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s+.*)?")


def _times(line: str, number: int) -> tuple[float, float]:
    match = _TIMES.fullmatch(line)
    if match is None:
        raise CaptionError(
            number, f"{_quote(line)} is no time; write 00:00:01,000 --> 00:00:04,000."
        )
    start, end = _seconds(*match.groups()[:4]), _seconds(*match.groups()[4:])
    if end <= start:
        raise CaptionError(number, "the caption ends before it starts; the later time goes last.")
    return start, end


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> float:
    thousandths = int((fraction or "").ljust(3, "0"))
    whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
    return (whole * 1000 + thousandths) / 1000


def _quote(line: str) -> str:
    line = line.strip()
    return f"“{line[:40]}…”" if len(line) > 40 else f"“{line}”"


_SRT_TAGS: Final = re.compile(r"</?(?:b|i|u|s|font)(?:\s[^<>]*)?>|\{\\[^{}]*\}", re.IGNORECASE)
_VTT_TAGS: Final = re.compile(r"<[^<>]*>")


def _clean(text: str, *, is_vtt: bool) -> str:
    text = html.unescape(_VTT_TAGS.sub("", text)) if is_vtt else _SRT_TAGS.sub("", text)
    return _lines(text)


def _lines(text: str) -> str:
    """Drop blank lines, which would end a cue, and space around the others."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def write_srt(segments: Iterable[Segment]) -> str:
    """Write SRT, with CRLF as players expect and an arrow that cannot pass for a time."""
    cues = (
        f"{number}\n{_stamp(one.start, ',')} --> {_stamp(one.end, ',')}\n"
        f"{_lines(one.text).replace('-->', '→')}\n\n"
        for number, one in enumerate(segments, start=1)
    )
    return "".join(cues).replace("\n", "\r\n")


def write_vtt(segments: Iterable[Segment]) -> str:
    """Write WebVTT; `&`, `<` and `>` are escaped, so no text becomes a tag."""
    cues = (
        f"\n{_stamp(one.start, '.')} --> {_stamp(one.end, '.')}\n"
        f"{html.escape(_lines(one.text), quote=False)}\n"
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

    What lies outside goes; what crosses an edge is shortened to it.
    """
    inside = (one for one in segments if one.end > start and one.start < end)
    return [
        replace(one, start=max(one.start - start, 0.0), end=min(one.end, end) - start)
        for one in inside
    ]
