"""Rules that hold for any captions: what is stored, and what a track shows at any moment."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recordings.editing import cues, fonts
from recordings.editing.film import one_at_a_time
from recordings.editing.fonts import missing
from recordings.processing.captions import Segment, parse, write_srt, write_vtt
from recordings.processing.exceptions import MediaError

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["start", "end", "text"]), inner, max_size=3)
    ),
    max_leaves=12,
)
caption = st.fixed_dictionaries(
    {
        "start": st.integers(0, 20) | st.floats(0, 20),
        "end": st.integers(21, 40) | st.floats(21, 40),
        "text": st.text(max_size=30),
    }
)
segment = st.builds(
    lambda start, length, text: Segment(start / 10, (start + length) / 10, text),
    st.integers(0, 60),
    st.integers(1, 30),
    st.sampled_from(["a", "b", "c"]),
)


@given(anything)
def test_anything_is_taken_clean_or_refused(sent: Any) -> None:
    taken: list[cues.Cue] = []
    with suppress(cues.BadCaptions):
        taken = cues.checked(sent)

    assert cues.checked(taken) == taken


@given(st.lists(caption, max_size=5))
@example(
    [{"start": 0, "end": 21, "text": text} for text in ("\u2060\u2060", "<b>\u2060\x00\u2060")]
)
def test_what_is_stored_is_written_and_read_back_the_same(found: list[Any]) -> None:
    said = cues.segments(cues.checked(found))
    plain = [one for one in said if "-->" not in one.text]

    if plain:
        assert parse(write_srt(plain).encode()) == plain
    if said:
        assert [one.start for one in parse(write_vtt(said).encode())] == [o.start for o in said]


@given(st.lists(segment, max_size=8))
def test_track_shows_one_text_at_any_moment_and_loses_none(found: list[Segment]) -> None:
    shown = one_at_a_time(found)

    assert all(one.end <= after.start for one, after in pairwise(shown))
    for moment in (number / 10 + 0.05 for number in range(95)):
        said = {one.text for one in found if one.start <= moment < one.end}
        lines = [one.text.split("\n") for one in shown if one.start <= moment < one.end]
        assert said == set(lines[0] if lines else [])


@given(st.text(max_size=50))
def test_any_letter_has_a_font_or_has_not(text: str) -> None:
    assert set(missing(text)) <= set(text)


def test_captions_that_overlap_out_of_hand_are_refused() -> None:
    with pytest.raises(MediaError, match="More than 100"):
        one_at_a_time([Segment(0.0, 1.0 + number, "x") for number in range(101)])

    long = [Segment(0.0, 300.0, "x" * 2000) for _ in range(9)]
    short = [Segment(number / 100, number / 100 + 0.01, "y") for number in range(20_000)]
    with pytest.raises(MediaError, match="too much text"):
        one_at_a_time([*long, *short])


def test_letters_that_no_font_has_are_named_without_looking_at_all_of_them() -> None:
    said = "".join(map(chr, [*range(0x4E00, 0x9FFF), *range(0x20000, 0x2A6D0)]))

    assert len(fonts.missing(said)) == fonts.MOST_NAMED
