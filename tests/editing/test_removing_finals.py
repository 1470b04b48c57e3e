"""An owner removes a final video before its time: for ever, and by itself."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from recordings import transfer
from recordings.editing import finals
from recordings.editing.exceptions import CannotEdit
from recordings.ledger.models import Account, Receipt, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.purge import purge
from recordings.ledger.release import place_hold
from recordings.models import Recording, RecordingFile
from recordings.trash import move_to_trash
from tests.api.conftest import caller
from tests.conftest import assert_clean, store

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def final(captioned: Recording) -> RecordingFile:
    return store(captioned, Kind.FINAL, bytes(1000), session_id=7)


@pytest.fixture
def browser(client: Client, owner: Any) -> Client:
    client.force_login(owner)
    return client


def page_of(file: RecordingFile) -> str:
    return f"/recordings/{file.recording_id}/finals/{file.pk}/remove"


def api_of(file: RecordingFile) -> str:
    return f"/api/recordings/{file.recording_id}/files/{file.pk}"


def assert_stays(file: RecordingFile) -> None:
    assert RecordingFile.objects.get(pk=file.pk).stored.state == StoredFile.State.READY
    assert not Receipt.objects.filter(name=str(file.stored.file.name)).exists()


def test_button_on_the_page_removes_it_for_ever(browser, final, account):
    others = final.recording.files.exclude(pk=final.pk).count()
    used = account().used
    page = browser.get(f"/recordings/{final.recording_id}").content.decode()
    assert f'action="{page_of(final)}"' in page

    answer = browser.post(page_of(final), {"confirmed": "yes"}, follow=True)

    assert "The final video is gone for ever" in answer.content.decode()
    assert not RecordingFile.objects.filter(pk=final.pk).exists()
    assert Recording.objects.get().files.count() == others
    assert Account.objects.get().used == used - 1000
    purge()
    receipt = Receipt.objects.get()
    assert (receipt.name, receipt.size) == (str(final.stored.file.name), 1000)
    assert (receipt.reason, receipt.released_by) == ("deleted", "olga")
    assert_clean()


def test_button_on_the_page_asks_first(browser, final):
    page = browser.get(f"/recordings/{final.recording_id}").content.decode()
    assert "Remove for ever…" in page

    question = browser.post(page_of(final)).content.decode()

    assert "1000\xa0bytes" in question
    assert "Nobody can bring it back" in question
    assert f'href="/recordings/{final.recording_id}"' in question
    assert_stays(final)


def test_api_removes_it_once(api, final):
    assert api.delete(api_of(final)).status_code == 204
    assert api.delete(api_of(final)).status_code == 404

    purge()
    assert Receipt.objects.get().reason == "deleted"
    assert_clean()


def test_held_one_stays_and_says_why(api, browser, final, owner):
    place_hold(reason="court case", by="anna", owner_id=owner.pk)

    answer = api.delete(api_of(final))
    page = browser.post(page_of(final), follow=True).content.decode()

    assert (answer.status_code, answer.json()["code"]) == (409, "held")
    assert "court case" in answer.json()["detail"]
    assert "court case" in page
    assert_stays(final)


def test_one_in_the_trash_comes_back_with_its_recording(api, browser, final):
    move_to_trash([final.recording_id], by="olga")

    answer = api.delete(api_of(final))

    assert (answer.status_code, answer.json()["code"]) == (409, "cannot_edit")
    assert "restore it first" in answer.json()["detail"]
    assert page_of(final) not in browser.get(f"/recordings/{final.recording_id}").content.decode()
    assert_stays(final)


def test_other_files_go_only_with_their_recording(api, browser, captioned):
    for file in captioned.files.all():
        answer = api.delete(api_of(file))

        assert (answer.status_code, answer.json()["code"]) == (409, "cannot_edit")
        assert "Only final videos" in answer.json()["detail"]
        assert browser.post(page_of(file), follow=True).status_code == 200
        assert_stays(file)


def test_final_video_of_another_is_not_there(client, make_user, final):
    boris = make_user("boris")
    client.force_login(boris)

    assert caller(boris).delete(api_of(final)).status_code == 404
    assert client.post(page_of(final)).status_code == 404
    assert_stays(final)


def test_final_video_of_another_recording_is_not_there(api, final, make_recording):
    other = make_recording(files=1)

    assert api.delete(f"/api/recordings/{other.pk}/files/{final.pk}").status_code == 404
    assert_stays(final)


def test_following_a_link_removes_nothing(browser, final):
    assert browser.get(page_of(final)).status_code == 405
    assert_stays(final)


def test_one_that_changed_hands_meanwhile_stays(owner, make_user, final):
    transfer.transfer([final.recording_id], to=make_user("boris"), by="anna")

    assert not finals.remove(final, by="olga", of=owner.pk)
    assert_stays(final)


def test_two_at_once_remove_it_once(final):
    seen_twice = [RecordingFile.objects.get(pk=final.pk) for _ in range(2)]

    assert [finals.remove(one, by="olga") for one in seen_twice] == [True, False]
    purge()
    assert Receipt.objects.count() == 1


def test_refusal_is_the_same_below(captioned):
    with pytest.raises(CannotEdit, match="Only final videos"):
        finals.remove(captioned.file(Kind.SUBTITLES), by="olga")
