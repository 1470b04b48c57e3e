"""Names are made of ids alone, and say back whose and what a file is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings.ledger import names
from recordings.ledger.names import Kind, Parsed, parse

ids = st.integers(min_value=1, max_value=2**63 - 1)
numbers = st.integers(min_value=1, max_value=10**6)
extensions = st.sampled_from(["mp4", "mov", "webm", "mkv", "mp3", "3gp", "ts"])
slugs = st.from_regex(r"[a-z0-9][-a-z0-9]{0,30}", fullmatch=True)

NAMED_BY_KIND = (
    Kind.TRIMMED,
    Kind.AUDIO,
    Kind.TRANSCRIPT,
    Kind.TOPICS,
    Kind.SUBTITLES,
    Kind.POSTER,
    Kind.THUMBNAIL,
)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("user_4/video/unprocessed/142_original.mov", names.original(4, 142, "mov")),
        ("user_4/video/processed/142_trimmed.mp4", names.of_kind(Kind.TRIMMED, 4, 142)),
        ("user_4/video/processed/142_trimmed_v2.mp4", names.of_kind(Kind.TRIMMED, 4, 142, 2)),
        ("user_4/audio/142_processed.mp3", names.of_kind(Kind.AUDIO, 4, 142)),
        ("user_4/transcriptions/142/master.json", names.of_kind(Kind.TRANSCRIPT, 4, 142)),
        ("user_4/transcriptions/142/topics_v1.json", names.of_kind(Kind.TOPICS, 4, 142)),
        ("user_4/transcriptions/142/subtitles.srt", names.of_kind(Kind.SUBTITLES, 4, 142)),
        ("user_4/sessions/9/temp_audio_9.wav", names.session_audio(4, 9)),
        ("user_4/video/final/142_final_9.mp4", names.final(4, 142, 9)),
        ("user_4/thumbnails/poster_142.jpg", names.of_kind(Kind.POSTER, 4, 142)),
        ("user_4/thumbnails/custom_thumb_142.png", names.of_kind(Kind.THUMBNAIL, 4, 142)),
        ("templates/thumbnails/blue-board.png", names.template("blue-board")),
    ],
)
def test_layout_is_the_promised_one(name, made):
    assert made == name


@given(kind=st.sampled_from(NAMED_BY_KIND), owner=ids, recording=ids, number=numbers)
def test_names_by_kind_parse_back(kind, owner, recording, number):
    name = names.of_kind(kind, owner, recording, number)

    assert parse(name) == Parsed(kind, owner, recording, number)


@given(owner=ids, recording=ids, extension=extensions, number=numbers)
def test_originals_parse_back(owner, recording, extension, number):
    name = names.original(owner, recording, extension, number)

    assert parse(name) == Parsed(Kind.ORIGINAL, owner, recording, number)


@given(owner=ids, recording=ids, session=ids, number=numbers)
def test_session_files_parse_back(owner, recording, session, number):
    audio = parse(names.session_audio(owner, session, number))
    video = parse(names.final(owner, recording, session, number))

    assert audio == Parsed(Kind.SESSION_AUDIO, owner, None, number, session)
    assert video == Parsed(Kind.FINAL, owner, recording, number, session)


@given(slug=slugs, number=numbers)
def test_templates_parse_back_and_belong_to_nobody(slug, number):
    assert parse(names.template(slug, number)) == Parsed(Kind.TEMPLATE, None, None, number)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "user_4",
        "user_4/audio/142_processed.mp3/",
        "/user_4/audio/142_processed.mp3",
        "./user_4/audio/142_processed.mp3",
        "user_4/audio/../audio/142_processed.mp3",
        "user_4/audio/142_processed.mp3\n",
        "user_4/audio/142_processed.MP3",
        "user_4/audio/Лекция_processed.mp3",
        "user_-4/audio/142_processed.mp3",
        "user_4/sessions/9/temp_audio_8.wav",
        "user_4/video/unprocessed/142_original.",
        "user_9223372036854775808/audio/142_processed.mp3",  # no database takes such an id
        "user_4/audio/142_processed_v9223372036854775808.mp3",
        "quarantine/2026-01-01/user_4/audio/142_processed.mp3",
    ],
)
def test_foreign_names_mean_nothing(name):
    assert parse(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "user_٤/audio/142_processed.mp3",  # digits of another script
        "user_04/audio/142_processed.mp3",  # a zero we never write
        "user_4/audio/0142_processed.mp3",
        "user_4/video/processed/142_trimmed_v1.mp4",  # the first has no number
        "user_4/video/processed/142_trimmed_v02.mp4",
    ],
)
def test_look_alikes_of_our_names_mean_nothing(name):
    """Two names that parse alike would make one file of two."""
    assert parse(name) is None
