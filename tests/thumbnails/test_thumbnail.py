"""What a recording shows, from choosing to serving, and what each costs."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from recordings.ledger.audit import audit
from recordings.ledger.models import Receipt, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.purge import purge
from recordings.ledger.release import place_hold
from recordings.models import Recording
from tests.api.conftest import caller
from tests.conftest import assert_clean, store
from tests.thumbnails.conftest import address, choose, opened, picture, put
from thumbnails import editing, gallery
from thumbnails.models import Thumbnail
from thumbnails.resolve import SiteDefault, Source, resolve

pytestmark = pytest.mark.django_db(transaction=True)


def source(recording: Recording) -> Source | None:
    found = Recording.objects.with_files().get(pk=recording.pk)
    shown = resolve(found, SiteDefault())
    return shown.source if shown else None


def test_picture_is_looked_for_from_own_to_the_sites_default(
    owner: Any, make_recording: Any, templates: Any
) -> None:
    recording = make_recording(files=0)
    seen = [source(recording)]

    editing.set_default(owner.pk, templates[1])
    seen.append(source(recording))
    store(recording, Kind.POSTER, picture("JPEG"))
    seen.append(source(recording))
    editing.choose(recording, templates[1], by="olga")
    seen.append(source(recording))
    editing.set_own(recording, picture(), by="olga")
    seen.append(source(recording))

    assert seen == list(reversed(Source))


def test_nothing_is_shown_on_a_site_without_templates(api: Client, make_recording: Any) -> None:
    recording = make_recording(files=1)

    assert source(recording) is None
    assert api.get(address(recording)).status_code == 404


def test_chosen_template_costs_no_byte(
    api: Client, recording: Recording, templates: Any, account: Any
) -> None:
    before, files = account().used, StoredFile.objects.count()

    answer = choose(api, recording, "second")

    assert answer.status_code == 200
    shown = opened(api.get(answer.json()["thumbnail_url"]).content)
    assert shown.getpixel((5, 5))[:3] == (0xCC, 0x66, 0x33)
    assert (account().used, StoredFile.objects.count()) == (before, files)
    assert_clean()


def test_own_picture_is_one_png_in_the_quota(
    api: Client, recording: Recording, templates: Any, account: Any
) -> None:
    before = account().used

    answer = put(api, recording, picture("JPEG", (1000, 1000)))

    stored = Thumbnail.objects.get().stored
    assert answer.status_code == 200
    assert stored.kind == Kind.THUMBNAIL
    assert str(stored) == f"user_{recording.owner_id}/thumbnails/custom_thumb_{recording.pk}.png"
    assert account().used == before + stored.size
    got = api.get(address(recording))
    assert (got["Content-Type"], opened(got.content).size) == ("image/png", (1280, 720))
    assert_clean()


@pytest.mark.parametrize("way", ["template", "delete", "again"])
def test_own_picture_goes_with_its_bytes_and_quota(
    api: Client,
    recording: Recording,
    templates: Any,
    account: Any,
    stored_names: Any,
    way: str,
) -> None:
    before, names = account().used, stored_names()
    put(api, recording, picture())

    if way == "template":
        assert choose(api, recording, "first").status_code == 200
    elif way == "delete":
        assert api.delete(address(recording)).status_code == 204
    else:
        put(api, recording, picture(colour="#ff0000"))
    purge()

    if way == "again":
        assert len(stored_names() - names) == 1
        assert account().used == before + Thumbnail.objects.get().stored.size
    else:
        assert (account().used, stored_names()) == (before, names)
    assert_clean()


@pytest.mark.parametrize("way", ["template", "delete", "again"])
def test_receipt_names_who_let_the_picture_go(
    api: Client, recording: Recording, templates: Any, way: str
) -> None:
    put(api, recording, picture())

    if way == "template":
        choose(api, recording, "first")
    elif way == "delete":
        api.delete(address(recording))
    else:
        put(api, recording, picture(colour="#ff0000"))
    purge()

    receipt = Receipt.objects.get()
    assert (receipt.released_by, receipt.reason) == (
        "olga",
        "deleted" if way == "delete" else "replaced",
    )


def test_template_chosen_before_can_be_gone_back_to(
    api: Client, recording: Recording, templates: Any
) -> None:
    choose(api, recording, "second")

    put(api, recording, picture())
    put(api, recording, picture(colour="#ff0000"))

    assert Thumbnail.objects.get().template == templates[1]
    assert source(recording) == Source.OWN


def test_names_that_storage_knows_already_are_passed_over(
    recording: Recording, settings: Any, owner: Any
) -> None:
    """A restored database counts from where it was."""
    folder = settings.MEDIA_ROOT / f"user_{owner.pk}" / "thumbnails"
    folder.mkdir(parents=True)
    for name in (f"custom_thumb_{recording.pk}.png", f"custom_thumb_{recording.pk}_v2.png"):
        (folder / name).write_bytes(b"somebody's")

    editing.set_own(recording, picture(), by="olga")

    assert str(Thumbnail.objects.get().stored).endswith(f"custom_thumb_{recording.pk}_v3.png")
    assert {path.name: path.read_bytes() for path in folder.iterdir()}[
        f"custom_thumb_{recording.pk}.png"
    ] == b"somebody's"


def test_replaced_template_changes_for_everyone_who_did_not_edit(
    api: Client, make_recording: Any, templates: Any
) -> None:
    plain, edited = make_recording(files=1), make_recording(files=1)
    for one in (plain, edited):
        choose(api, one, "second")
    put(api, edited, picture(colour="#123456"))
    former = api.get(f"/api/recordings/{plain.pk}").json()["thumbnail_url"]

    gallery.replace(templates[1], picture(colour="#00ff00"))
    purge()

    now = api.get(f"/api/recordings/{plain.pk}").json()["thumbnail_url"]
    assert now != former
    assert opened(api.get(now).content).getpixel((9, 9))[:3] == (0, 255, 0)
    assert opened(api.get(address(edited)).content).getpixel((9, 9))[:3] == (0x12, 0x34, 0x56)
    assert api.get(former, follow=True).content == api.get(now).content
    assert_clean()


def test_deleting_the_recording_takes_its_picture_along(
    api: Client, recording: Recording, account: Any, stored_names: Any
) -> None:
    put(api, recording, picture())

    assert api.delete(f"/api/recordings/{recording.pk}?permanent=true").status_code == 204
    purge()

    assert (account().used, stored_names()) == (0, set())
    assert_clean()


def test_deleting_the_row_releases_the_picture(
    api: Client, recording: Recording, account: Any
) -> None:
    before = account().used
    put(api, recording, picture())

    recording.thumbnail.delete()

    assert account().used == before
    assert_clean()


def test_trash_and_restore_keep_the_picture_and_count_it(
    api: Client, recording: Recording, account: Any
) -> None:
    put(api, recording, picture())
    used = account().used

    api.delete(f"/api/recordings/{recording.pk}")
    assert account().in_trash == account().used == used
    assert put(api, recording, picture()).status_code == 409
    assert api.delete(address(recording)).status_code == 409
    api.post(f"/api/recordings/{recording.pk}/restore")

    assert (account().in_trash, account().used) == (0, used)
    assert source(recording) == Source.OWN
    assert_clean()


def test_held_picture_is_not_replaced(
    api: Client, recording: Recording, owner: Any, templates: Any, account: Any, stored_names: Any
) -> None:
    put(api, recording, picture())
    used, names = account().used, stored_names()
    place_hold(reason="audit", by="anna", owner_id=owner.pk, recording_id=recording.pk)

    answers = [
        put(api, recording, picture(colour="#ff0000")),
        choose(api, recording, "first"),
        api.delete(address(recording)),
    ]

    assert [answer.status_code for answer in answers] == [409, 409, 409]
    assert answers[0].json()["code"] == "held"
    purge()
    assert (account().used, stored_names()) == (used, names)
    assert_clean()


def test_held_recording_without_its_own_picture_may_change_its_template(
    api: Client, recording: Recording, owner: Any, templates: Any
) -> None:
    choose(api, recording, "first")
    place_hold(reason="audit", by="anna", owner_id=owner.pk, recording_id=recording.pk)

    assert choose(api, recording, "second").status_code == 200
    gallery.replace(templates[1], picture(colour="#ffffff"))
    assert opened(api.get(address(recording)).content).getpixel((3, 3)) == (255, 255, 255)
    assert api.delete(address(recording)).status_code == 204
    assert put(api, recording, picture()).status_code == 200


def test_full_quota_is_said_and_leaves_nothing(
    api: Client, recording: Recording, account: Any, stored_names: Any
) -> None:
    mine, names = account(), stored_names()
    mine.uses_default_limit, mine.own_limit = False, mine.used + 10
    mine.save()

    answer = put(api, recording, picture())

    assert (answer.status_code, answer.json()["code"]) == (413, "quota_exceeded")
    assert (account().used, account().reserved, stored_names()) == (mine.used, 0, names)
    assert not Thumbnail.objects.exists()
    assert_clean()


def test_recording_given_away_takes_its_picture_and_what_it_costs(
    api: Client, recording: Recording, make_user: Any, account: Any
) -> None:
    from recordings.transfer import transfer

    put(api, recording, picture())

    transfer([recording.pk], to=make_user("boris"), by="anna")

    assert account().used == 0
    assert_clean()


@pytest.mark.parametrize(
    "body", ['{"template": "none"}', '{"template": 5}', '{"template": "a\\u0000"}', "{}", "[]", "{"]
)
def test_nonsense_is_refused_with_a_sentence(
    api: Client, recording: Recording, templates: Any, body: str
) -> None:
    answer = api.put(address(recording), body, content_type="application/json")

    assert answer.status_code == 400
    assert not Thumbnail.objects.exists()


def test_others_neither_see_nor_change(
    api: Client, other_api: Client, recording: Recording, templates: Any
) -> None:
    put(api, recording, picture())

    assert other_api.get(address(recording)).status_code == 404
    assert choose(other_api, recording, "first").status_code == 404
    assert other_api.delete(address(recording)).status_code == 404
    assert put(other_api, recording, picture()).status_code == 404
    assert Client().get(address(recording)).status_code == 401
    assert Client().delete(address(recording)).status_code == 401


def test_two_edits_at_once_leave_one_picture(
    recording: Recording, templates: Any, account: Any, stored_names: Any
) -> None:
    before, names = account().used, stored_names()

    def edit(colour: str) -> None:
        try:
            editing.set_own(recording, picture(colour=colour), by="olga")
        finally:
            connections.close_all()

    threads = [Thread(target=edit, args=(colour,)) for colour in ("#f00", "#0f0", "#00f")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    purge()

    assert len(stored_names() - names) == 1
    assert account().used == before + Thumbnail.objects.get().stored.size
    assert_clean()


def test_audit_finds_rows_whose_file_is_gone_or_on_its_way(
    owner: Any, make_recording: Any, templates: Any
) -> None:
    """The database does not look after them: see Thumbnail.stored."""
    recording = make_recording(files=0)
    put(caller(owner), recording, picture())
    assert_clean()

    # Behind the models' back, which would refuse.
    StoredFile.objects.filter(pk=Thumbnail.objects.get().stored_id)._raw_delete("default")
    StoredFile.objects.filter(pk=templates[1].stored_id).update(
        state=StoredFile.State.CONDEMNED, reason=StoredFile.Reason.DELETED
    )

    found = {check.id: check.samples for check in audit().checks}
    assert f"recording {recording.pk} is not stored for it" in found["I16-thumbnails"][0]
    assert "template second" in found["I1-templates"][0]
