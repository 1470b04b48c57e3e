from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings.processing.captions import CaptionError, Segment, cut, parse, write_srt, write_vtt

SRT = "1\n00:00:01,000 --> 00:00:02,500\nПривет, мир\n\n2\n00:00:03,000 --> 00:00:04,000\nДа\nнет\n"
READ = [Segment(1.0, 2.5, "Привет, мир"), Segment(3.0, 4.0, "Да\nнет")]


@pytest.mark.parametrize(
    "data",
    [
        SRT.encode(),
        SRT.encode("utf-8-sig"),
        SRT.encode("utf-16"),
        SRT.encode("utf-16-le"),
        SRT.encode("utf-16-be"),
        SRT.encode("cp1251"),
        SRT.replace("\n", "\r\n").encode(),
        SRT.replace("\n", "\r").encode(),
        SRT.replace("\n\n", "\r\n\n").encode(),
        SRT.replace(",", ".", 2).encode(),
        ("\n\n" + SRT + "\n\n").encode(),
    ],
)
def test_srt_is_read_however_it_was_saved(data):
    assert [(one.start, one.end) for one in parse(data)] == [(1.0, 2.5), (3.0, 4.0)]
    assert parse(data)[1].text == "Да\nнет"


def test_vtt_is_read_without_its_markup():
    data = (
        "WEBVTT - lecture\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE\nnot said\n\n"
        "intro\n00:01.000 --> 00:02.500 align:start\n<v Anna>Привет, <i>мир</i></v>\n\n"
        "00:00:03.000 --> 00:00:04.000\nДа\nнет\n"
    )

    assert parse(data.encode()) == READ


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("1\n00:00:05,000 --> 00:00:01,000\nlate\n", 2, "ends before it starts"),
        ("1\n00:00:01,000 -> 00:00:02,000\nbad arrow\n", 2, "is no time"),
        ("1\n00:00:01,000 --> 00:99:02,000\nbad minute\n", 2, "is no time"),
        (SRT + "\n3\nwords without a time\n", 11, "is no time"),
        ("", 1, "no caption"),
        ("WEBVTT\n\n", 1, "no caption"),
    ],
)
def test_bad_captions_are_refused_with_line_and_reason(text, line, reason):
    with pytest.raises(CaptionError, match=reason) as refusal:
        parse(text.encode())

    assert refusal.value.line == line
    assert str(refusal.value).startswith(f"Line {line}: ")


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(CaptionError, match="no text"):
        parse(b"\x98\x99" * 20)


def test_text_cannot_forge_a_time_or_a_tag():
    hostile = [Segment(0.0, 1.0, "a --> b\n\n2\n<script>&amp;")]

    assert len(parse(write_srt(hostile).encode())) == 1
    assert "<script>" not in write_vtt(hostile)
    assert parse(write_vtt(hostile).encode())[0].text == "a --> b\n2\n<script>&amp;"


text = st.text(st.characters(categories=["L", "N"]), min_size=1)
segments = st.lists(
    st.builds(
        lambda start, length, words: Segment(start / 1000, (start + length) / 1000, words),
        st.integers(0, 10**8),
        st.integers(1, 10**6),
        text,
    ),
    min_size=1,
    max_size=5,
).map(lambda found: sorted(found, key=lambda one: (one.start, one.end)))


@given(segments)
def test_what_is_written_reads_back(found):
    assert parse(write_srt(found).encode()) == found
    assert parse(write_vtt(found).encode()) == found


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data):
    found: list[Segment] = []
    with suppress(CaptionError):
        found = parse(data)

    assert all(one.end > one.start for one in found)


def test_captions_move_with_a_cut():
    found = cut(
        [Segment(0, 1, "gone"), Segment(1.5, 3, "edge"), Segment(4, 9, "end")], start=2, end=6
    )

    assert found == [Segment(0.0, 1.0, "edge"), Segment(2.0, 4.0, "end")]


@pytest.mark.parametrize(
    "text", ["Use the <b> tag", "<i>", r"{\x} C:\New", "<font color=red>x</font>"]
)
def test_words_that_look_like_markup_are_kept(text):
    said = [Segment(0.0, 1.0, text)]

    assert parse(write_srt(said).encode()) == said


def test_caption_of_which_a_cut_leaves_nothing_goes():
    assert cut([Segment(3.999, 6.0, "late")], start=0.0, end=3.9993) == []
