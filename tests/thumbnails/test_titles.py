"""Titles in any script: written with letters, wrapped, fitted, in their own direction."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image, features

from thumbnails import lettering
from thumbnails.resolve import SIZES

SIZE = SIZES["player"]


def ink(title: str) -> tuple[int, int, int, int]:
    """Where the white letters are: left, top, right, bottom."""
    layer = lettering.overlay(title, SIZE)
    white = Image.merge("RGB", layer.split()[:3]).convert("L").point(lambda v: 255 * (v > 200))
    box = white.getbbox()
    assert box, "nothing was written"
    return box


@pytest.mark.parametrize(
    "title",
    ["Short", "Линейная алгебра", "সালোকসংশ্লেষণ", "مقدمة في الجبر الخطي", "word " * 40, "W" * 200],
)
def test_title_stays_on_the_picture(title: str) -> None:
    left, top, right, bottom = ink(title)

    assert left >= 20
    assert top >= 60
    assert right <= SIZE[0] - 20
    assert bottom <= SIZE[1] - 10


def test_letters_are_large_enough_for_a_list() -> None:
    letters, _ = lettering.fitted("word " * 40, SIZE)

    assert letters * SIZES["list"][0] / SIZE[0] >= 14 / 2  # pixels in a list of 160 wide: 7


def test_what_fits_nowhere_is_cut_with_dots() -> None:
    _, lines = lettering.fitted("word " * 200, SIZE)

    assert lines[-1].endswith("…")


@pytest.mark.parametrize("letter", list("ЖяЁґіqØßαΩ你"[:9]) + list("কখ্ষা") + list("عيןש"))
def test_letters_have_a_font(letter: str) -> None:
    assert lettering.font_of(letter)


def test_what_no_font_has_is_named() -> None:
    with pytest.raises(lettering.NoLetters, match="漢字"):
        lettering.overlay("a 漢字 b", SIZE)


def test_emoji_keep_their_colours() -> None:
    layer = lettering.overlay("🎉🎉🎉", SIZE).convert("RGB")

    assert max(red - blue for _, (red, _, blue) in layer.getcolors(1 << 24) or []) > 120


def test_sequences_of_emoji_do_not_leave_boxes() -> None:
    assert lettering.cleaned("👩‍🔬 ok ❤️") == "👩🔬 ok ❤"


def test_line_from_the_right_begins_there() -> None:
    left, _, right, _ = ink("مقدمة")

    assert SIZE[0] - right < left


def test_stretches_follow_each_other_in_the_direction_of_the_text() -> None:
    assert lettering.is_from_right("عربي abc")
    assert not lettering.is_from_right("1. abc عربي")
    assert [run.text for run in lettering.runs("abc عربي x")] == ["abc", " ", "عربي", " ", "x"]


def test_marks_are_never_torn_from_their_letter() -> None:
    assert list(lettering.clusters("ক্ষি")) == ["ক্ষি"]
    assert list(lettering.clusters("é" + "x")) == ["é", "x"]


@pytest.mark.skipif(not features.check("raqm"), reason="needs FriBiDi (libfribidi0) for Raqm")
def test_letters_that_join_are_joined(monkeypatch: Any) -> None:
    joined = lettering.width("سلام", 100)
    apart = sum(lettering.width(letter, 100) for letter in "سلام")

    assert joined < apart * 0.9


def test_letters_without_form_stay_where_they_join_or_part_others() -> None:
    persian = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"

    assert lettering.cleaned(persian) == persian
    assert lettering.cleaned("\u200c\u200e \u2060") == ""
