"""The offline default: part a transcript where its words change, and name the parts by them.

After Hearst's TextTiling: the transcript is laid out in blocks of equal time, the vocabulary left
and right of every gap is compared, and a gap much less alike than its surroundings is a boundary.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import fmean, pstdev
from threading import Event
from typing import Final

from recordings.processing.analysers.stopwords import stopwords
from recordings.processing.captions import Segment
from recordings.processing.documents import Topic, Topics, Transcript

BLOCK: Final = 30.0  # seconds of speech compared as one, less where a recording is short
BRIEFEST, FEWEST = 4.0, 14  # so that a talk of a minute has topics as well
WINDOW: Final = 3  # blocks on either side of a gap
SHORTEST: Final = 3  # blocks; topics are for finding one's way, not for every aside
STEM: Final = 5  # letters
MOST: Final = 40  # topics; a longer list helps nobody
IN_TITLE, KEPT = 3, 8  # keywords
# Bengali vowel signs are marks, not letters, and belong to their word.
_WORD: Final = re.compile(r"[^\W\d_](?:[\w'’\u0980-\u09ff\u200c\u200d-]*[\w\u0980-\u09ff])?")


class Keywords:
    def analyse(self, transcript: Transcript, *, stop: Event, timeout: float) -> Topics:
        """Find topics without asking anyone; takes milliseconds, so it looks at no clock."""
        common = stopwords(transcript.language)
        segments = transcript.segments
        starts = boundaries(segments, common)
        parts = [
            [one for one in segments if start <= one.start < end]
            for start, end in pairwise([*starts, math.inf])
        ]
        counted = [Counter(words(part, common)) for part in parts]
        topics = [
            Topic(part[0].start, part[-1].end, title(names, number), names[:KEPT])
            for number, (part, names) in enumerate(
                zip(parts, keywords(counted), strict=True), start=1
            )
        ]
        return Topics(transcript.language, "keywords", topics)


def words(segments: Iterable[Segment], common: frozenset[str]) -> list[str]:
    """Return the telling words of some segments, in lower case."""
    found = (word.lower() for one in segments for word in _WORD.findall(one.text))
    return [word for word in found if len(word) > 2 and word not in common]


def stem(word: str) -> str:
    """Cut a word to its beginning, so that cases and plurals of it count as one."""
    return word[:STEM]


def boundaries(segments: Sequence[Segment], common: frozenset[str]) -> list[float]:
    """Return the starts of the topics, in seconds; the first is the first segment's."""
    first, last = segments[0].start, segments[-1].start
    size = min(BLOCK, max(BRIEFEST, (segments[-1].end - first) / FEWEST))
    blocks: list[Counter[str]] = [Counter() for _ in range(int((last - first) / size) + 1)]
    for one in segments:
        blocks[int((one.start - first) / size)].update(map(stem, words([one], common)))
    chosen = [0]
    for gap in sorted(deep_gaps(blocks)[: MOST - 1]):
        if gap - chosen[-1] >= SHORTEST and len(blocks) - gap >= SHORTEST:
            chosen.append(gap)
    # Two gaps within one long silence lead to the same segment.
    return sorted({first, *(_start_of(segments, first + gap * size) for gap in chosen[1:])})


def _start_of(segments: Sequence[Segment], moment: float) -> float:
    return next(one.start for one in segments if one.start >= moment)


def deep_gaps(blocks: Sequence[Counter[str]]) -> list[int]:
    """Return the blocks before which the vocabulary changes most, deepest change first."""
    if len(blocks) < 2 * WINDOW:
        return []
    alike = [
        likeness(_sum(blocks[max(0, gap - WINDOW) : gap]), _sum(blocks[gap : gap + WINDOW]))
        for gap in range(1, len(blocks))
    ]
    depth = {
        gap: max(alike[:gap]) + max(alike[gap - 1 :]) - 2 * alike[gap - 1]
        for gap in range(1, len(blocks))
        if alike[gap - 1] == min(alike[max(0, gap - 2) : gap + 1])  # the lowest around
    }
    if not depth:
        return []
    enough = fmean(depth.values()) + pstdev(depth.values()) / 2 if len(depth) > 1 else 0.1
    deep = [gap for gap, value in depth.items() if value >= enough and value > 0.1]
    return sorted(deep, key=lambda gap: -depth[gap])


def _sum(blocks: Iterable[Counter[str]]) -> Counter[str]:
    return sum(blocks, Counter())


def likeness(left: Counter[str], right: Counter[str]) -> float:
    """Cosine of two vocabularies: 0 for nothing in common, 1 for the same words."""
    length = math.sqrt(sum(n * n for n in left.values()) * sum(n * n for n in right.values()))
    return sum(n * right[word] for word, n in left.items()) / length if length else 1.0


def keywords(counted: Sequence[Counter[str]]) -> list[list[str]]:
    """Return for each part its words, those first that are frequent here and rare elsewhere."""
    stems = [_by_stem(part) for part in counted]
    spread = Counter(one for part in stems for one in part)
    return [
        [
            form
            for _, (count, form) in sorted(
                part.items(),
                key=lambda item: (-item[1][0] * _rarity(len(stems), spread[item[0]]), item[1][1]),
            )
        ]
        for part in stems
    ]


def _by_stem(counted: Counter[str]) -> dict[str, tuple[int, str]]:
    """Join the forms of a word: how often it comes, and its most frequent form."""
    joined: dict[str, tuple[int, str]] = {}
    for form, count in counted.most_common():
        total, shown = joined.get(stem(form), (0, form))
        joined[stem(form)] = (total + count, shown)
    return joined


def _rarity(parts: int, containing: int) -> float:
    return math.log((1 + parts) / containing)


def title(names: Sequence[str], number: int) -> str:
    """Make a title of the first keywords; a number where nothing was telling."""
    text = ", ".join(names[:IN_TITLE])
    return text[:1].upper() + text[1:] if text else str(number)
