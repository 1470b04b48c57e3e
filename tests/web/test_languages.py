"""The spoken language is chosen from a list that begins with the likely ones."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from recordings import languages
from tests.web.conftest import text


def codes(number: int, **asked: str) -> list[str]:
    return [code for code, _ in languages.groups(**asked)[number][1]]


@pytest.mark.parametrize(
    ("accepted", "first"),
    [
        ("", ["en"]),
        ("de-AT,de;q=0.9,en-GB;q=0.5", ["en", "de"]),
        ("zh-CN,zh;q=0.9", ["en", "zh-hans"]),
        ("tlh, *;q=0.1, x-nonsense", ["en"]),
    ],
)
def test_likely_languages_come_first(accepted: str, first: list[str]) -> None:
    assert codes(0, accepted=accepted) == first


def test_reader_comes_first_where_everything_is_written_down(settings: Any) -> None:
    settings.TRANSCRIBER = "recordings.processing.transcribers.whisper.Whisper"

    assert codes(0, accepted="ru-RU,ru;q=0.9") == ["ru", "en"]


def test_regional_variants_are_left_out() -> None:
    others = codes(1)

    assert "es" in others
    assert not [code for code in others if code.startswith(("es-", "en-", "pt-"))]
    assert {"zh-hans", "zh-hant"} <= set(others)
    assert "en" not in others


@pytest.mark.parametrize("stored", ["es-ni", "tlh"])
def test_language_that_a_recording_has_stays(
    browser: Client, make_recording: Any, stored: str
) -> None:
    recording = make_recording(files=0, language=stored)
    form = {"title": "New", "description": "", "language": stored, "labels": "", "expire_at": ""}

    page = text(browser.get(f"/recordings/{recording.pk}/edit"))

    assert f'<option value="{stored}" selected>' in page
    assert browser.post(f"/recordings/{recording.pk}/edit", form).status_code == 302


def test_upload_page_has_the_reader_s_language_first(browser: Client, owner: Any) -> None:
    page = text(browser.get("/upload", headers={"Accept-Language": "bn"}))

    groups = page.split("<optgroup")
    assert 'value="bn"' in groups[1]
    assert 'value="bn"' not in groups[2]
