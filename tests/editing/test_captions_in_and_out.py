"""Files of captions into a session and out of it: odd ones are read right or refused, by line."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from recordings.models import Recording

pytestmark = pytest.mark.django_db

HEAD = "1\n00:00:01,000 --> 00:00:02,000\n"
RUSSIAN = "Наша лекция о возможностях перевода"
FRENCH = "Voilà une leçon très intéressante, déjà commencée"
ASS = "[Script Info]\nScriptType: v4.00+\n\n[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,,Hi\n"


@pytest.fixture
def bring(api: Any, session: Any) -> Any:
    def send(data: bytes, revision: int = 1, name: str = "captions.srt") -> Any:
        file = SimpleUploadedFile(name, data)
        path = f"/api/sessions/{session.pk}/import"
        return api.post(path, {"file": file, "revision": revision})

    return send


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        *((RUSSIAN, one) for one in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")),
        *((RUSSIAN, one) for one in ("cp1251", "koi8-r")),
        (RUSSIAN.upper(), "cp1251"),
        (FRENCH, "cp1252"),
        ("Conexão é emoção, então não há razão", "cp1252"),
        ("Größe und Übung — “schön”", "cp1252"),
        ("Привіт, їжаче! Це ґанок, є ще", "cp1251"),
        ("নমস্কার, আজকের বক্তৃতা", "utf-8"),
    ],
)
def test_file_is_read_in_any_usual_encoding(bring, text, encoding):
    answer = bring((HEAD + text + "\n").encode(encoding))

    assert answer.status_code == 200, answer.json()
    body = answer.json()
    assert body["captions"] == [{"start": 1.0, "end": 2.0, "text": text}]
    assert (body["revision"], body["changed"]) == (2, True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEAD + "{\\an8}{\\i1}top\\Nof it{\\i0}", "top\nof it"),
        (HEAD + "C:\\New folder", "C:\\New folder"),
        (HEAD + '<font color="red"><b>a</b></font> < b', "a < b"),
        (HEAD + "<script>alert(1)</script>", "<script>alert(1)</script>"),
        (HEAD.replace("\n", "\r\n") + "a\nb\rc", "a\nb\nc"),
        (HEAD + "bell\x07 and\x1b[31m red", "bell and[31m red"),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\n<v Anna>a &amp; b</v>", "a & b"),
    ],
)
def test_markup_goes_and_words_stay(bring, text, expected):
    answer = bring(text.encode())

    assert [one["text"] for one in answer.json()["captions"]] == [expected]


def test_overlapping_captions_are_taken(bring):
    answer = bring(f"{HEAD}a\n\n2\n00:00:01,500 --> 00:00:01,700\nb\n".encode())

    assert [one["text"] for one in answer.json()["captions"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (ASS.encode(), "Line 1: this is an ASS file"),
        (ASS.encode("utf-8-sig"), "Line 1: this is an ASS file"),
        (b"1\n-00:00:01,000 --> 00:00:02,000\na", "Line 2: a time before the start"),
        (b"1\n00:00:01,000 --> -00:00:02,000\na", "Line 2: a time before the start"),
        (b"1\n00:00:02,000 --> 00:00:01,000\na", "Line 2: the caption ends before it starts"),
        (b"1\n101:00:00,000 --> 101:00:01,000\na", "Line 2: a time later than 100 hours"),
        (b"1\n00:00:01,000 --> soon\na", "Line 2: “00:00:01,000 --> soon” is no time"),
        ("é и ы à б".encode("utf-16")[:-1], "Line 1: this is no text"),
        ((HEAD + "café и чай é").encode().replace("é".encode(), b"\xe9"), "UTF-8 with damage"),
        ((HEAD + RUSSIAN).encode()[:-1], "UTF-8 with damage"),
        ((HEAD + "чай caf").encode("cp1251") + b"\xe9", "nobody can tell"),
        (bytes(range(256)) * 4, "Line 1: this is no text"),
        (b"", "there is no caption"),
        (b"\xff\xd8\xff\xe0 JFIF", "Line 1:"),
    ],
)
def test_what_cannot_be_read_is_refused_and_changes_nothing(bring, session, data, says):
    answer = bring(data)

    assert answer.status_code == 400
    assert says in answer.json()["file"][0]
    session.refresh_from_db()
    assert (session.revision, session.changed, len(session.captions)) == (1, False, 2)


def test_more_captions_than_can_be_edited_are_refused(bring):
    cue = "{n}\n00:00:01,000 --> 00:00:02,000\na\n\n"

    answer = bring("".join(cue.format(n=n) for n in range(20_001)).encode())

    assert answer.status_code == 400
    assert "more than 20000" in answer.json()["file"][0]


def test_fifty_megabytes_are_refused_by_their_length(api, session):
    none_of_it_yet: dict[str, Any] = {
        "CONTENT_TYPE": "multipart/form-data; boundary=x",
        "CONTENT_LENGTH": str(50 * 1024**2),
        "wsgi.input": io.BytesIO(),
    }

    answer = api.generic("POST", f"/api/sessions/{session.pk}/import", **none_of_it_yet)

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_import_over_a_newer_revision_is_refused(bring):
    bring(f"{HEAD}first".encode())

    answer = bring(f"{HEAD}second".encode(), revision=1)

    assert (answer.status_code, answer.json()["code"]) == (409, "stale_revision")


def test_session_is_exported_as_each_format(api, session):
    path = f"/api/sessions/{session.pk}/export"

    srt, vtt, whole = (api.get(f"{path}?format={form}") for form in ("srt", "vtt", "json"))

    assert srt["Content-Disposition"] == 'attachment; filename="Lecture - captions.srt"'
    assert "00:00:00,500 --> 00:00:02,000\r\nПривет" in srt.content.decode()
    assert vtt.content.decode().startswith("WEBVTT\n\n00:00:00.500 --> 00:00:02.000\nПривет")
    assert vtt["Content-Disposition"].endswith('"Lecture - captions.vtt"')
    assert whole["Content-Disposition"].endswith('"Lecture - captions.json"')
    assert json.loads(whole.content)["captions"][1]["text"] == "নমস্কার"
    assert api.get(f"{path}?format=ass").status_code == 400


@pytest.mark.parametrize(
    ("title", "disposition"),
    [
        ("Лекция", "filename*=utf-8''%D0%9B%D0%B5%D0%BA%D1%86%D0%B8%D1%8F%20-%20captions.srt"),
        ("../etc/Week 1\\2", 'filename="..-etc-Week 1-2 - captions.srt"'),
        ('He said "no"', 'filename="He said \\"no\\" - captions.srt"'),
        ("a\r\nSet-Cookie: b=c", 'filename="aSet-Cookie: b=c - captions.srt"'),
        ("\x07", 'filename="recording - captions.srt"'),
        ("x" * 300, f'filename="{"x" * 150} - captions.srt"'),
    ],
)
def test_export_is_named_after_its_recording(api, session, title, disposition):
    Recording.objects.update(title=title)

    answer = api.get(f"/api/sessions/{session.pk}/export?format=srt")

    assert answer["Content-Disposition"] == f"attachment; {disposition}"


def test_export_is_read_back_as_it_was(api, bring, session):
    for form in ("srt", "vtt"):
        data = api.get(f"/api/sessions/{session.pk}/export?format={form}").content
        session.refresh_from_db()

        answer = bring(data, revision=session.revision)

        assert answer.json()["captions"] == session.captions
        assert answer.json()["changed"] is False
