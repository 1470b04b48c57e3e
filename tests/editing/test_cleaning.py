"""Sessions nobody goes on with: gone with their sound, their changes saved first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models.functions import Now

from recordings import archive, closing, tasks, transfer, trash
from recordings.editing import cleaning, rendering, sessions
from recordings.editing.exceptions import CannotEdit
from recordings.editing.models import EditingSession
from recordings.ledger.models import Account, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.release import place_hold
from recordings.models import Job, Recording, RecordingFile
from recordings.processing.captions import parse
from retention import once
from tests import archives
from tests.api.conftest import caller
from tests.conftest import assert_clean, store

pytestmark = pytest.mark.django_db(transaction=True)

LINE = {"start": 1.0, "end": 2.5, "text": "One"}
CHANGED = sessions.Change(captions=[LINE])
DAY = timedelta(days=1)


def put_sound(session: EditingSession) -> RecordingFile:
    """Give a session a file as its sound, without a worker."""
    file = store(session.recording, Kind.SESSION_AUDIO, bytes(1000), session_id=session.pk)
    EditingSession.objects.filter(pk=session.pk).update(audio=file)
    return file


@pytest.fixture
def heard(session: EditingSession) -> EditingSession:
    put_sound(session)
    session.refresh_from_db()
    return session


@pytest.fixture(autouse=True)
def older(captioned: Any) -> None:
    """Captions stand before a session begins, also one that is made to look old."""
    captioned.files.update(created_at=Now() - DAY * 5)


def idle(session: EditingSession, by: timedelta = DAY * 2) -> None:
    """Let time pass without anybody going on with a session."""
    then = Now() - by
    mine = EditingSession.objects.filter(pk=session.pk)
    mine.update(written_at=then, touched_at=then, used_until=None)


def swept(age: timedelta = DAY) -> Any:
    return once.clean("uploads", jobs=DAY * 7, files=age, dry_run=False, by="anna")


def current(recording: Any) -> list[str]:
    with recording.file(Kind.SUBTITLES).stored.file.open() as file:
        return [one.text for one in parse(file.read())]


def test_idle_session_goes_with_its_sound(heard, captioned, account, stored_names):
    idle(heard)
    used = account().used

    counters = swept()

    assert counters.counts == {
        "sessions": 1, "temp_audio": 1, "final_videos": 0, "files": 0, "tasks": 0, "errors": 0,
    }  # fmt: skip
    assert counters.bytes_freed == 1000
    assert account().used == used - 1000
    assert captioned.file(Kind.SUBTITLES).version == 1
    tasks.purge()
    assert not any("temp_audio" in name for name in stored_names())
    assert_clean()


def test_plan_names_session_and_sound(heard):
    idle(heard)

    planned = once.clean("uploads", jobs=DAY, files=DAY, dry_run=True, by="anna")

    assert (planned.sessions, planned.temp_audio, planned.bytes_freed) == (1, 1, 1000)
    assert EditingSession.objects.exists()


def test_changed_captions_are_saved_as_a_draft_first(session, captioned):
    sessions.save(session.pk, CHANGED, revision=1)
    idle(session)

    assert swept().sessions == 1

    file = captioned.file(Kind.SUBTITLES)
    assert (file.version, file.draft, file.edited) == (2, True, True)
    assert current(captioned) == ["One"]
    assert captioned.files.superseded().get().version == 1
    assert_clean()


def test_draft_stays_behind_what_was_published_since(session, captioned):
    sessions.save(session.pk, CHANGED, revision=1)
    idle(session)
    finished = sessions.begin(captioned.pk)
    captioned.files.filter(kind=Kind.SUBTITLES).update(created_at=Now() - DAY)
    better = [{**LINE, "text": "Better"}]
    sessions.save(finished.pk, sessions.Change(captions=better), revision=1)
    EditingSession.objects.filter(pk=finished.pk).update(used_until=None)
    cleaning.clean_session(finished.pk, by="anna")

    assert swept().sessions == 1

    assert current(captioned) == ["Better"]
    draft = captioned.files.superseded().latest("pk")
    assert (draft.version, draft.draft, draft.edited) == (3, True, True)
    assert_clean()


def test_draft_for_another_cut_stays_behind_the_captions_of_this_one(session, captioned):
    sessions.save(session.pk, CHANGED, revision=1)
    idle(session)
    Recording.objects.update(duration=2.0)

    assert swept().sessions == 1

    assert current(captioned) == ["Привет", "নমস্কার"]
    draft = captioned.files.superseded().get()
    assert (draft.version, draft.draft, draft.cut_length) == (2, True, 4.0)
    assert_clean()


def test_open_tab_that_changes_nothing_makes_its_captions_no_newer(session, captioned):
    sessions.save(session.pk, CHANGED, revision=1)
    idle(session)
    captioned.files.filter(kind=Kind.SUBTITLES).update(created_at=Now() - DAY)
    sessions.save(session.pk, sessions.Change(), revision=2)
    EditingSession.objects.update(used_until=None)

    assert swept(timedelta(0)).sessions == 1

    assert current(captioned) == ["Привет", "নমস্কার"]
    assert_clean()


def test_captions_that_are_as_they_were_again_are_not_saved(session, captioned):
    sessions.save(session.pk, CHANGED, revision=1)
    back = sessions.Change(captions=session.captions)
    sessions.save(session.pk, back, revision=2)
    idle(session)

    assert swept().sessions == 1

    assert not captioned.files.superseded().exists()
    assert not captioned.file(Kind.SUBTITLES).draft


def test_draft_of_a_recording_that_changed_hands_meanwhile_is_not_saved(
    session, captioned, given_away_meanwhile
):
    sessions.save(session.pk, CHANGED, revision=1)
    idle(session)
    session.refresh_from_db()

    with pytest.raises(CannotEdit, match="changed hands"):
        cleaning.remove(session, by="policy")

    assert EditingSession.objects.exists()
    assert not StoredFile.objects.filter(
        owner_id=session.recording.owner_id, state="ready"
    ).exists()
    assert_clean()


def test_young_session_stays(heard):
    assert swept().counts["sessions"] == 0
    assert EditingSession.objects.exists()


def test_age_zero_takes_all_but_those_in_use(heard, captioned):
    other = sessions.begin(captioned.pk)
    sessions.save(other.pk, sessions.Change(), revision=1)

    counters = swept(timedelta(0))

    assert (counters.sessions, counters.temp_audio, counters.errors) == (1, 1, 0)
    assert EditingSession.objects.get() == other


def test_session_being_rendered_stays(heard):
    rendering.start(heard.pk, "burn")
    idle(heard)

    assert swept(timedelta(0)).sessions == 0


def test_session_touched_since_it_was_seen_stays(session):
    idle(session)
    seen = EditingSession.objects.select_related("recording").get()
    sessions.save(session.pk, CHANGED, revision=1)

    with pytest.raises(cleaning.CannotEdit):
        cleaning.remove(seen, by="policy")

    assert EditingSession.objects.get().captions == [LINE]
    assert_clean()


def test_draft_that_finds_no_room_keeps_the_session(session, owner):
    sessions.save(session.pk, CHANGED, revision=1)
    idle(session)
    account = Account.objects.of(owner.pk)
    Account.objects.filter(pk=account.pk).update(uses_default_limit=False, own_limit=account.used)

    counters = swept()

    assert (counters.sessions, counters.errors) == (0, 1)
    assert EditingSession.objects.get().captions == [LINE]
    assert_clean()


def test_sound_of_an_idle_session_makes_room_for_its_draft(heard, owner):
    sessions.save(heard.pk, CHANGED, revision=1)
    idle(heard)
    account = Account.objects.of(owner.pk)
    Account.objects.filter(pk=account.pk).update(uses_default_limit=False, own_limit=account.used)

    assert swept().sessions == 1
    assert_clean()


def test_hold_keeps_no_session(heard, captioned, owner):
    place_hold(reason="court", by="anna", owner_id=owner.pk, recording_id=captioned.pk)
    sessions.save(heard.pk, CHANGED, revision=1)
    idle(heard)

    counters = swept()

    assert (counters.sessions, counters.errors) == (1, 0)
    assert captioned.files.superseded().exists()
    assert_clean()


def test_session_waits_in_the_trash_and_comes_back(heard, captioned, api):
    trash.move_to_trash([captioned.pk], by="olga")
    idle(heard)

    assert swept().sessions == 0

    trash.restore([captioned.pk])
    assert api.get(f"/api/sessions/{heard.pk}").status_code == 200
    assert_clean()


def test_erased_recording_takes_its_session_along(heard, captioned, stored_names):
    trash.erase([captioned.pk], by="olga")

    assert not EditingSession.objects.exists()
    tasks.purge()
    assert stored_names() == set()
    assert_clean()


def test_archived_recording_leaves_its_session_behind(heard, captioned, settings, tmp_path):
    archives.use_folder(settings, tmp_path / "archive")
    archive.copy(captioned.pk, alive=lambda: None)
    with trash.locked([captioned.pk]) as found:
        archive.archive_locked(found, by="anna")

    assert not EditingSession.objects.exists()
    tasks.purge()
    assert_clean()


def test_recording_with_unpublished_captions_is_not_archived(
    session, captioned, settings, tmp_path
):
    archives.use_folder(settings, tmp_path / "archive")
    archive.copy(captioned.pk, alive=lambda: None)
    sessions.save(session.pk, CHANGED, revision=1)

    with (
        pytest.raises(archive.CannotArchive, match="being edited"),
        trash.locked([captioned.pk]) as found,
    ):
        archive.archive_locked(found, by="anna")

    assert EditingSession.objects.get().captions == [LINE]


def test_recording_deleted_by_cascade_takes_its_session_along(heard, captioned):
    captioned.delete()

    assert not EditingSession.objects.exists()
    tasks.purge()
    assert_clean()


def test_session_follows_its_recording_to_another_owner(heard, captioned, make_user):
    boris = make_user("boris")
    transfer.transfer([captioned.pk], to=boris, by="anna")

    assert caller(boris).get(f"/api/sessions/{heard.pk}").status_code == 200
    idle(heard)
    assert swept().temp_audio == 1
    assert_clean()


def test_closed_account_goes_with_its_sessions(heard, owner, administrator):
    closure = closing.close_account(owner, by="anna", at_once=True)
    closing.carry_on(closure)
    tasks.purge()
    closing.carry_on(closure)

    assert not EditingSession.objects.exists()
    assert not type(owner).objects.filter(pk=owner.pk).exists()
    assert_clean()


def test_one_session_is_removed_by_its_id(heard):
    first = cleaning.clean_session(heard.pk, by="anna")
    again = cleaning.clean_session(heard.pk, by="anna")

    assert (first.sessions, first.temp_audio, first.errors, first.bytes_freed) == (1, 1, 0, 1000)
    assert again == cleaning.Cleaned()


def test_command_says_what_would_go_and_removes_it_when_told_to(heard, capsys):
    call_command("clean_session", heard.pk)
    assert (
        f"Session {heard.pk} of recording {heard.recording_id} would go" in capsys.readouterr().out
    )
    assert EditingSession.objects.exists()

    call_command("clean_session", heard.pk, apply=True)
    assert '"sessions": 1, "temp_audio": 1' in capsys.readouterr().out
    assert not EditingSession.objects.exists()


def test_session_in_use_is_not_removed_by_its_id(session):
    sessions.save(session.pk, sessions.Change(), revision=1)

    assert cleaning.clean_session(session.pk, by="anna").errors == 1
    assert EditingSession.objects.exists()


def test_owner_who_ends_a_session_publishes_nothing(heard, captioned, api):
    sessions.save(heard.pk, CHANGED, revision=1)

    assert api.delete(f"/api/sessions/{heard.pk}").status_code == 204

    assert captioned.file(Kind.SUBTITLES).version == 1
    assert not Job.objects.exists()
    assert_clean()
