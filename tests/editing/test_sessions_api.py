"""Sessions over the API: opened, saved by revision, kept in use, ended."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from recordings import trash
from recordings.editing import sessions
from recordings.editing.exceptions import StaleRevision
from recordings.editing.models import EditingSession
from recordings.ledger.names import Kind
from recordings.models import Job
from recordings.transfer import transfer
from tests.api.conftest import caller
from tests.slow import SlowBody

pytestmark = pytest.mark.django_db

LINE = {"start": 1.0, "end": 2.5, "text": "One"}


def patch(api: Client, session: Any, **body: Any) -> Any:
    return api.patch(f"/api/sessions/{session.pk}", body, content_type="application/json")


def test_session_begins_with_the_captions_of_the_recording(api, captioned):
    answer = api.post(f"/api/recordings/{captioned.pk}/sessions")

    assert answer.status_code == 201
    body = answer.json()
    assert [one["text"] for one in body["captions"]] == ["Привет", "নমস্কার"]
    assert body["captions"][0] == {"start": 0.5, "end": 2.0, "text": "Привет"}
    assert set(body) == {
        "id", "recording", "captions", "style", "revision", "changed", "audio_url", "waveform",
        "audio_error", "duration", "created_at", "touched_at", "expires_at", "job",
    }  # fmt: skip
    assert (body["recording"], body["revision"], body["changed"]) == (captioned.pk, 1, False)
    assert (body["audio_url"], body["waveform"], body["job"]) == (None, "making", None)
    assert body["duration"] == 4.0
    assert api.get(f"/api/sessions/{body['id']}").json()["captions"] == body["captions"]


def test_sessions_of_a_recording_are_listed_newest_first(api, captioned):
    first, second = (api.post(f"/api/recordings/{captioned.pk}/sessions").json() for _ in "12")

    listed = api.get(f"/api/recordings/{captioned.pk}/sessions").json()["results"]

    assert [one["id"] for one in listed] == [second["id"], first["id"]]
    assert [one["captions_count"] for one in listed] == [2, 2]


def test_sixth_session_of_a_recording_is_refused(api, captioned):
    codes = [api.post(f"/api/recordings/{captioned.pk}/sessions").status_code for _ in range(6)]

    assert codes == [201] * 5 + [409]


def test_save_raises_the_revision_and_sorts(api, session):
    later = {"start": 3, "end": 4, "text": "Two"}

    answer = patch(api, session, revision=1, captions=[later, LINE], style={"font_size": 8})

    assert answer.status_code == 200
    body = answer.json()
    assert (body["revision"], body["changed"]) == (2, True)
    assert body["captions"] == [LINE, {"start": 3.0, "end": 4.0, "text": "Two"}]
    assert (body["style"]["font_size"], body["style"]["color"]) == (8.0, "#ffffff")


def test_second_tab_does_not_overwrite_the_first(api, session):
    patch(api, session, revision=1, captions=[LINE])

    answer = patch(api, session, revision=1, captions=[{**LINE, "text": "Other"}])

    assert answer.status_code == 409
    body = answer.json()
    assert (body["code"], body["revision"]) == ("stale_revision", 2)
    session.refresh_from_db()
    assert session.captions == [LINE]


@pytest.mark.django_db(transaction=True)
def test_of_many_tabs_that_save_at_once_one_wins(session):
    def tab(number: int) -> str:
        try:
            text = {**LINE, "text": f"tab {number}"}
            sessions.save(session.pk, sessions.Change(captions=[text]), revision=1)
        except StaleRevision:
            return "stale"
        finally:
            connection.close()
        return f"tab {number}"

    with ThreadPoolExecutor(8) as pool:
        ended = list(pool.map(tab, range(8)))

    session.refresh_from_db()
    assert session.revision == 2
    assert sorted(ended) == sorted([session.captions[0]["text"], *["stale"] * 7])


def test_revision_alone_keeps_the_session_in_use(api, session):
    answer = patch(api, session, revision=1)

    assert answer.json()["revision"] == 1
    session.refresh_from_db()
    assert session.used_until > session.touched_at
    assert not session.changed


@pytest.mark.parametrize(
    ("caption", "says"),
    [
        ({"start": -1, "end": 2, "text": "a"}, "Caption 1: start is not from 0"),
        ({"start": 1, "end": 1, "text": "a"}, "Caption 1: the end (1.0 s) is not after"),
        ({"start": 1, "end": 360001, "text": "a"}, "Caption 1: end is not from 0"),
        ({"start": 10**400, "end": 2, "text": "a"}, "Caption 1: start is not from 0"),
        ({"start": "1", "end": 2, "text": "a"}, "Caption 1: give start in seconds"),
        ({"start": True, "end": 2, "text": "a"}, "Caption 1: give start in seconds"),
        ({"start": 1, "end": 2, "text": None}, "Caption 1: the text is no text"),
        ({"start": 1, "end": 2, "text": "a" * 2001}, "Caption 1: the text has more than"),
        ({"start": 1, "end": 2}, "Caption 1: give start, end and text"),
        (7, "Caption 1: give start, end and text"),
    ],
)
def test_caption_that_cannot_be_is_named_and_refused(api, session, caption, says):
    answer = patch(api, session, revision=1, captions=[caption])

    assert answer.status_code == 400
    assert says in answer.json()["captions"][0]
    session.refresh_from_db()
    assert session.revision == 1


def test_endless_numbers_are_refused(api, session):
    for value in ("NaN", "Infinity", "1e999"):
        body = f'{{"revision": 1, "captions": [{{"start": {value}, "end": 2, "text": "a"}}]}}'
        answer = api.patch(f"/api/sessions/{session.pk}", body, content_type="application/json")
        assert answer.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        "", "[]", "null", '"x"', "7", "{", "{}", '{"revision": null}', '{"revision": "x"}',
        '{"revision": 0}', '{"revision": 99999999999999999999}', '{"revision": 1.5}',
        '{"revision": 1, "captions": null}', '{"revision": 1, "captions": {}}',
        '{"revision": 1, "captions": "abc"}', '{"revision": 1, "captions": [null]}',
        '{"revision": 1, "captions": [[]]}', '{"revision": 1, "style": null}',
        '{"revision": 1, "style": []}', '{"revision": 1, "style": {"color": null}}',
        '{"revision": 1, "style": {"font_size": 1' + "0" * 400 + "}}",
        '{"revision": 1, "captions": ' + "[" * 20000 + "]" * 20000 + "}",
    ],
)  # fmt: skip
def test_body_that_is_no_change_is_refused_in_a_sentence(api, session, body):
    path = f"/api/sessions/{session.pk}"
    answer = api.generic("PATCH", path, body.encode(), content_type="application/json")

    assert answer.status_code == 400, answer.content
    assert answer.json()["detail"]
    session.refresh_from_db()
    assert session.revision == 1


@pytest.mark.parametrize("act", ["import", "render"])
@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/x"])
def test_nothing_sent_to_an_act_is_refused_in_a_sentence(api, session, act, kind):
    path = f"/api/sessions/{session.pk}/{act}"
    answer = api.generic("POST", path, b"--x--", content_type=kind)

    assert answer.status_code in {400, 415}
    assert answer.json()["detail"]


def test_what_no_caption_shows_is_dropped(api, session):
    text = "a\0b\x07\r\n\r\n  c\ud800\u2028d\t"

    answer = patch(api, session, revision=1, captions=[{"start": 1, "end": 2, "text": text}])

    assert answer.json()["captions"][0]["text"] == "ab\nc\nd"


@pytest.mark.parametrize(
    "style",
    [
        {"font_size": 1},
        {"font_size": True},
        {"color": "red"},
        {"color": "#FFFFFFF"},
        {"position": "left"},
        {"position": []},
        {"box": 1},
        {"comic": 1},
        {"box_opacity": 101},
        7,
    ],
)
def test_style_beyond_its_bounds_is_refused(api, session, style):
    answer = patch(api, session, revision=1, style=style)

    assert answer.status_code == 400
    assert "detail" in answer.json()


def test_too_many_captions_are_refused(api, session):
    many = [{"start": n, "end": n + 1, "text": "a"} for n in range(20_001)]

    answer = patch(api, session, revision=1, captions=many)

    assert answer.status_code == 400
    assert "more than 20000" in answer.json()["captions"][0]


def test_body_beyond_all_captions_is_refused_unread(api, session):
    answer = api.patch(
        f"/api/sessions/{session.pk}", " " * (10 * 1024**2 + 1), content_type="application/json"
    )

    assert answer.status_code == 413


def test_full_day_of_captions_can_be_saved(api, session):
    many = [{"start": n, "end": n + 1, "text": "নমস্কার " * 6} for n in range(20_000)]

    answer = api.patch(
        f"/api/sessions/{session.pk}",
        json.dumps({"revision": 1, "captions": many}),
        content_type="application/json",
    )

    assert answer.status_code == 200, answer.json()
    assert len(EditingSession.objects.get().captions) == 20_000


def test_session_in_the_trash_is_not_edited(api, session):
    trash.move_to_trash([session.recording_id], by="olga")

    saved = patch(api, session, revision=1, captions=[LINE])
    opened = api.post(f"/api/recordings/{session.recording_id}/sessions")

    assert (saved.status_code, saved.json()["code"]) == (409, "cannot_edit")
    assert (opened.status_code, opened.json()["code"]) == (409, "cannot_edit")


def test_ended_session_is_gone(api, session):
    assert api.delete(f"/api/sessions/{session.pk}").status_code == 204
    assert api.get(f"/api/sessions/{session.pk}").status_code == 404
    assert api.delete(f"/api/sessions/{session.pk}").status_code == 404


def test_others_and_the_anonymous_see_no_session(client, session, make_user):
    boris = caller(make_user("boris"))
    path = f"/api/sessions/{session.pk}"
    opening = f"/api/recordings/{session.recording_id}/sessions"

    assert {boris.get(path).status_code, patch(boris, session, revision=1).status_code} == {404}
    assert {boris.delete(path).status_code, boris.post(opening).status_code} == {404}
    assert boris.get(opening).status_code == 404
    assert {client.get(path).status_code, client.post(opening).status_code} == {401}


def test_save_that_comes_late_changes_nothing_of_the_next_owner(api, session, make_user):
    boris = make_user("boris")
    content = json.dumps({"revision": 1, "captions": []}).encode()
    give = lambda: transfer([session.recording_id], to=boris, by="root")  # noqa: E731
    slow: dict[str, Any] = {
        "wsgi.input": SlowBody(content, give),
        "CONTENT_LENGTH": str(len(content)),
        "CONTENT_TYPE": "application/json",
    }

    answer = api.generic("PATCH", f"/api/sessions/{session.pk}", **slow)

    assert answer.status_code == 404
    session.refresh_from_db()
    assert (session.revision, len(session.captions)) == (1, 2)


def test_captions_that_are_missing_in_storage_are_told_of(api, captioned):
    Path(captioned.file(Kind.SUBTITLES).stored.file.path).unlink()

    answer = api.post(f"/api/recordings/{captioned.pk}/sessions")

    assert (answer.status_code, answer.json()["code"]) == (503, "storage_fault")
    assert not EditingSession.objects.exists()


def test_recording_without_captions_begins_with_none(api, make_recording):
    recording = make_recording(files=1)

    body = api.post(f"/api/recordings/{recording.pk}/sessions").json()

    assert body["captions"] == []


def test_administrator_edits_any_session(session, administrator):
    answer = patch(caller(administrator), session, revision=1, captions=[LINE])

    assert answer.status_code == 200


def test_logs_of_renderings_are_not_read_with_a_session(api, session):
    Job.objects.create(
        recording=session.recording,
        owner_id=session.recording.owner_id,
        kind=Job.Kind.RENDER,
        options={"session": session.pk},
        log="x" * 20_000,
    )

    with CaptureQueriesContext(connection) as asked:
        answer = api.get(f"/api/sessions/{session.pk}")

    assert answer.json()["job"]["kind"] == "render"
    assert [one["sql"] for one in asked if '"recordings_job"."log"' in one["sql"]] == []
