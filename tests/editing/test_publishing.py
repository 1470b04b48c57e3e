"""Captions of a session used for the recording as they are, without a video."""

from __future__ import annotations

from typing import Any

import pytest

from recordings.editing import publishing, sessions
from recordings.editing.exceptions import CannotEdit
from recordings.editing.models import EditingSession
from recordings.ledger.names import Kind
from recordings.models import Recording
from recordings.processing.captions import parse
from tests.api.conftest import caller
from tests.conftest import assert_clean

pytestmark = pytest.mark.django_db(transaction=True)

CHANGED = sessions.Change(captions=[{"start": 1.0, "end": 2.5, "text": "One"}])


def publish(api: Any, session: EditingSession, revision: int) -> Any:
    address = f"/api/sessions/{session.pk}/publish"
    return api.post(address, {"revision": revision}, content_type="application/json")


def test_captions_become_those_of_the_recording_and_the_session_ends(api, session, captioned):
    sessions.save(session.pk, CHANGED, revision=1)

    assert publish(api, session, 2).status_code == 204

    file = captioned.file(Kind.SUBTITLES)
    assert (file.version, file.draft, file.edited, file.cut_length) == (2, False, True, 4.0)
    with file.stored.file.open() as content:
        assert [one.text for one in parse(content.read())] == ["One"]
    assert not EditingSession.objects.exists()
    assert_clean()


def test_what_was_changed_elsewhere_is_not_published_unseen(api, session, captioned):
    sessions.save(session.pk, CHANGED, revision=1)

    answer = publish(api, session, 1)

    assert (answer.status_code, answer.json()["code"]) == (409, "stale_revision")
    assert (answer.json()["revision"], captioned.file(Kind.SUBTITLES).version) == (2, 1)


def test_nothing_is_published_of_nothing_or_of_the_trash(api, session, captioned):
    sessions.save(session.pk, sessions.Change(captions=[]), revision=1)
    assert publish(api, session, 2).json()["code"] == "cannot_edit"

    sessions.save(session.pk, CHANGED, revision=2)
    api.delete(f"/api/recordings/{captioned.pk}")
    assert publish(api, session, 3).status_code == 409
    assert EditingSession.objects.exists()


def test_captions_of_another_cut_are_neither_published_nor_rendered(
    api, client, owner, session, captioned
):
    sessions.save(session.pk, CHANGED, revision=1)
    Recording.objects.update(duration=2.0)

    rendering = api.post(
        f"/api/sessions/{session.pk}/render", {"mode": "track"}, content_type="application/json"
    )

    for answer in (publish(api, session, 2), rendering):
        assert (answer.status_code, answer.json()["code"]) == (409, "cannot_edit")
        assert "cut anew after this session began" in answer.json()["detail"]
    client.force_login(owner)
    page = client.get(f"/sessions/{session.pk}").content.decode()
    assert "cut anew after this session began" in page
    assert captioned.file(Kind.SUBTITLES).version == 1
    assert EditingSession.objects.exists()


def test_session_begun_on_captions_of_a_former_cut_makes_them_those_of_this_one(api, captioned):
    Recording.objects.update(duration=2.0)
    session = sessions.begin(captioned.pk)
    sessions.save(session.pk, CHANGED, revision=1)

    assert publish(api, session, 2).status_code == 204
    assert captioned.file(Kind.SUBTITLES).cut_length == 2.0


def test_strangers_publish_nothing(session, make_user):
    assert publish(caller(make_user("boris")), session, 1).status_code == 404


def test_recording_that_changes_hands_meanwhile_keeps_its_captions(
    session, captioned, given_away_meanwhile
):
    sessions.save(session.pk, CHANGED, revision=1)

    with pytest.raises(CannotEdit, match="changed hands"):
        publishing.publish(session.pk, revision=2, by="anna")

    assert captioned.file(Kind.SUBTITLES).version == 1
    assert_clean()
