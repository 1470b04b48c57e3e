"""Captions as a script for libass: nothing in them is obeyed, every stretch has its font."""

from __future__ import annotations

import pytest

from recordings.editing.ass import script, text
from recordings.editing.fonts import missing
from recordings.editing.style import Style
from recordings.processing.captions import Segment

JOINER = "\u200d"


@pytest.mark.parametrize(
    ("shown", "written"),
    [
        ("plain", "{\\fnNoto Sans}plain"),
        ("{\\b1}", "{\\fnNoto Sans}\\{\\" + JOINER + "b1\\}"),
        ("C:\\New", "{\\fnNoto Sans}C:\\" + JOINER + "New"),
        ("a\nb", "{\\fnNoto Sans}a\\N{\\fnNoto Sans}b"),
        ("да শু", "{\\fnNoto Sans}да {\\fnNoto Sans Bengali}শু"),
        ("শু, а", "{\\fnNoto Sans Bengali}শু{\\fnNoto Sans}, а"),
        ("שלום", "{\\fnNoto Sans Hebrew}שלום"),
    ],
)
def test_text_is_shown_and_not_obeyed(shown, written):
    assert text(shown) == written


def test_style_is_written_for_the_size_of_the_picture():
    style = Style(font_size=10, position="top", box=True, box_opacity=100, color="#112233")

    lines = script([Segment(3599.999, 3661.5, "a")], style, width=1920, height=1080).split("\n")

    assert "PlayResY: 1080" in lines
    written = next(line for line in lines if line.startswith("Style: "))
    fields = written.removeprefix("Style: ").split(",")
    assert fields[2] == "108.0"
    assert (fields[3], fields[6]) == ("&H00332211", "&H00000000")
    assert (fields[15], fields[18], fields[21]) == ("4", "8", "54")
    assert any("0:00:00" not in line and "1:00:00.00,1:01:01.50" in line for line in lines)


def test_letters_without_a_font_are_named_and_signs_are_not():
    assert missing("Всё, ক্ষ, שלום, مرحبا, é — 1२😀★") == "२"


def test_site_without_fonts_has_none_for_any_letter(settings, tmp_path):
    settings.CAPTION_FONTS = tmp_path / "missing"

    assert missing("ab") == "ab"
