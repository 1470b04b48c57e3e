"""The trash in the web: out of sight, back again, and for ever only after asking twice."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.urls import reverse

from recordings import trash
from recordings.ledger.models import Account, Hold
from recordings.models import Recording
from tests.conftest import assert_clean
from tests.web.conftest import text


def post(browser: Client, name: str, *pks: int, **more: str) -> Any:
    return browser.post(reverse(name), {"recordings": pks, **more}, follow=True)


def test_ticked_recordings_go_to_the_trash_and_come_back(
    browser: Client, make_recording: Any
) -> None:
    one, two, other = (make_recording(title=title) for title in ("One", "Two", "Other"))

    moved = post(browser, "move-to-trash", one.pk, two.pk)
    in_trash = text(browser.get("/trash"))
    back = post(browser, "restore", one.pk, two.pk)

    assert "2 recordings are in the trash now" in text(moved)
    assert [r.pk for r in moved.context["page"].recordings] == [other.pk]
    assert "One" in in_trash
    assert "put here by olga" in in_trash
    assert "2 recordings are back." in text(back)
    assert Recording.objects.live().count() == 3
    assert_clean()


def test_deleting_for_ever_asks_again_with_the_size(browser: Client, recording: Any) -> None:
    post(browser, "move-to-trash", recording.pk)

    asked = post(browser, "erase", recording.pk)

    assert "Delete for ever?" in text(asked)
    assert "4.9\xa0KB in all" in text(asked)
    assert Recording.objects.filter(pk=recording.pk).exists()


def test_confirmed_deletion_frees_everything(
    browser: Client, recording: Any, stored_names: Any
) -> None:
    from recordings.ledger.purge import purge

    post(browser, "move-to-trash", recording.pk)

    gone = post(browser, "erase", recording.pk, confirmed="yes")
    purge()

    assert "1 recording is gone for ever." in text(gone)
    assert Account.objects.get(owner_id=recording.owner_id).used == 0
    assert stored_names() == set()


def test_live_recording_cannot_be_deleted_for_ever_from_here(
    browser: Client, recording: Any
) -> None:
    post(browser, "erase", recording.pk, confirmed="yes")

    assert Recording.objects.filter(pk=recording.pk).exists()


def test_held_recording_stays_and_the_others_go(browser: Client, make_recording: Any) -> None:
    held, free = make_recording(title="Held one"), make_recording(title="Free one")
    Hold.objects.create(recording_id=held.pk, reason="Case 12", placed_by="anna")

    response = post(browser, "move-to-trash", held.pk, free.pk)

    assert "“Held one”: This recording is on hold, placed by anna: Case 12" in text(response)
    assert "1 recording is in the trash now" in text(response)
    assert Recording.objects.live().get() == held


def test_owners_hold_keeps_what_is_in_the_trash(browser: Client, recording: Any) -> None:
    post(browser, "move-to-trash", recording.pk)
    Hold.objects.create(owner_id=recording.owner_id, reason="Audit", placed_by="anna")

    response = post(browser, "erase", recording.pk, confirmed="yes")

    assert "Everything of this owner is on hold" in text(response)
    assert Recording.objects.filter(pk=recording.pk).exists()


def test_nothing_ticked_says_so(browser: Client) -> None:
    assert "tick at least one recording" in text(post(browser, "move-to-trash"))


def test_nonsense_ticked_does_nothing(browser: Client, recording: Any) -> None:
    response = browser.post(
        reverse("move-to-trash"), {"recordings": ["x", "-1", "9" * 30, str(recording.pk)]}
    )

    assert response.status_code == 302
    assert Recording.objects.live().count() == 1


def test_own_button_leaves_the_ticked_ones_alone(browser: Client, make_recording: Any) -> None:
    one, two = make_recording(), make_recording()
    post(browser, "move-to-trash", one.pk, two.pk)

    response = post(browser, "restore", one.pk, only=str(two.pk))

    assert response.redirect_chain == [(reverse("recording", args=[two.pk]), 302)]
    assert list(Recording.objects.live()) == [two]


def test_page_of_a_trashed_recording_offers_to_restore_it(browser: Client, recording: Any) -> None:
    post(browser, "move-to-trash", recording.pk)

    page = text(browser.get(reverse("recording", args=[recording.pk])))

    assert "This is in the trash" in page
    assert "Move to the trash" not in page


def test_empty_trash_says_so(browser: Client) -> None:
    assert "The trash is empty" in text(browser.get("/trash"))


def test_trash_names_a_policy_as_its_page_does(browser: Client, make_recording: Any) -> None:
    from retention.models import RetentionPolicy

    policy = RetentionPolicy.objects.create(
        name="One minute", target="recordings", action="trash", max_age_seconds=60
    )
    trash.move_to_trash([make_recording().pk], by=policy.title)

    page = text(browser.get(reverse("trash")))

    assert "put here by the policy “One minute” on" in page


def test_page_says_once_what_zone_its_times_are_in(browser: Client) -> None:
    assert text(browser.get(reverse("trash"))).count("Times are UTC.") == 1
