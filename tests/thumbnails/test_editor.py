"""The editor in the page of a recording."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.purge import purge
from recordings.ledger.release import place_hold
from recordings.models import Recording
from recordings.trash import move_to_trash
from tests.conftest import assert_clean, store
from tests.processing import clips
from tests.thumbnails.conftest import opened, picture
from thumbnails import derive, editing
from thumbnails.models import OwnerDefault, Thumbnail

pytestmark = pytest.mark.django_db(transaction=True)

BENGALI, ARABIC, CYRILLIC = "সালোকসংশ্লেষণ", "مقدمة في الجبر", "Линейная алгебра"


@pytest.fixture
def browser(owner: Any, client: Client) -> Client:
    client.force_login(owner)
    return client


def save(browser: Client, recording: Recording, **fields: Any) -> list[str]:
    """Send the form; return what is said once it is carried out."""
    answer = send(browser, recording, **fields)
    assert answer.redirect_chain == [(f"/recordings/{recording.pk}", 302)]
    return [str(message) for message in answer.context["messages"]]


def send(browser: Client, recording: Recording, **fields: Any) -> Any:
    fields.setdefault("do", "save")
    url = reverse("thumbnail-save", args=[recording.pk])
    return browser.post(url, fields, follow=True)


def refused(browser: Client, recording: Recording, **fields: Any) -> str:
    """Send a form that is refused; return the sentence that the open editor says."""
    answer = send(browser, recording, **fields)
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "<details open>" in page
    [said] = re.findall(r'<p [^>]*role="alert"[^>]*>(.*?)</p>', page)
    return html.unescape(said)


def shown(recording: Recording) -> Any:
    return opened(derive.content(Thumbnail.objects.get(recording=recording).stored))


def test_page_offers_the_gallery(browser: Client, recording: Recording, templates: Any) -> None:
    page = browser.get(f"/recordings/{recording.pk}").content.decode()

    assert page.count('name="source" value="template:') == 2
    assert "js/thumbnail.js" in page
    assert "A frame of the video, at second" not in page  # there is no video in this one


def test_template_as_it_is_takes_no_copy(
    browser: Client, recording: Recording, templates: Any
) -> None:
    files = StoredFile.objects.count()

    save(browser, recording, source="template:second", zoom="1", x="0.5", y="0.5", title=" ")

    assert Thumbnail.objects.get().template == templates[1]
    assert StoredFile.objects.count() == files


@pytest.mark.parametrize("title", [CYRILLIC, BENGALI, ARABIC, "🎉 2 + 2 → 4 ½", "long " * 39])
def test_title_on_a_template_makes_exactly_one_png(
    browser: Client, recording: Recording, templates: Any, title: str, account: Any
) -> None:
    files, used = StoredFile.objects.count(), account().used

    save(browser, recording, source="template:second", title=title)
    assert StoredFile.objects.count() == files + 1
    drawn = shown(recording)
    save(browser, recording, do="template")
    purge()

    assert drawn.size == (1280, 720)
    assert drawn.getextrema()[2][1] > 200  # there are light letters on it
    assert Thumbnail.objects.get().template == templates[1]
    assert (StoredFile.objects.count(), account().used) == (files, used)
    assert_clean()


def test_letters_nobody_has_are_named(
    browser: Client, recording: Recording, templates: Any
) -> None:
    said = refused(browser, recording, source="template:second", title="漢字 abc")

    assert said == "The site has no letters for “漢字”: leave them out of the title."
    assert not Thumbnail.objects.exists()


def test_upload_is_cropped_and_zoomed(
    browser: Client, recording: Recording, tmp_path: Path
) -> None:
    image = Image.new("RGB", (1600, 900), "#ff0000")
    image.paste("#0000ff", (800, 0, 1600, 900))
    image.save(tmp_path / "a.png")

    file = SimpleUploadedFile("a.png", (tmp_path / "a.png").read_bytes())
    save(browser, recording, source="image", image=file, zoom="2", x="1", y="0")

    assert shown(recording).getpixel((20, 20)) == (0, 0, 255)


@pytest.mark.media
def test_frame_of_the_video_becomes_the_picture(
    browser: Client, owner: Any, tmp_path: Path
) -> None:
    recording = Recording.objects.create(
        owner=owner, title="A", state="ready", duration=4.0, width=320, height=240
    )
    store(recording, Kind.TRIMMED, clips.video(tmp_path).read_bytes())

    preview = browser.get(f"/recordings/{recording.pk}/thumbnail/frame?t=1")
    save(browser, recording, source="frame", seconds="1")

    assert preview["Content-Type"] == "image/jpeg"
    assert opened(preview.content).size[0] > 0
    assert shown(recording).size == (1280, 720)
    assert_clean()


def test_frame_of_what_is_no_video_is_said(browser: Client, recording: Recording) -> None:
    answer = browser.get(f"/recordings/{recording.pk}/thumbnail/frame?t=nan")

    assert answer.status_code == 422
    said = refused(browser, recording, source="frame", seconds="1")
    assert said == "There is no video here to take a frame from."


def test_title_preview_is_a_layer(browser: Client, recording: Recording) -> None:
    url = reverse("thumbnail-title", args=[recording.pk])

    layer = browser.get(url, {"text": ARABIC})

    assert (opened(layer.content).mode, opened(layer.content).size) == ("RGBA", (1280, 720))
    assert browser.get(url, {"text": " "}).status_code == 204
    assert browser.get(url, {"text": "漢"}).status_code == 422
    assert browser.get(url, {"text": "\0"}).status_code == 204


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "Choose a picture first."),
        ({"source": "template:none"}, "Choose a picture first."),
        ({"source": "image"}, "Choose a file of your own first."),
        ({"source": "frame"}, "Say at which second of the video."),
        (
            {"source": "template:first", "zoom": "99"},
            "Zoom: Ensure this value is less than or equal to 8.0.",
        ),
        ({"source": "template:first", "x": "nan"}, "Left to right: Enter a number."),
        (
            {"source": "template:first", "title": "x" * 201},
            "Title on the picture: Ensure this value has at most 200 characters (it has 201).",
        ),
        (
            {"source": "template:first", "title": "a\0b"},
            "Title on the picture: Null characters are not allowed.",
        ),
        ({"do": "default"}, "Choose a template from the gallery first."),
        ({"do": "default", "source": "frame"}, "Choose a template from the gallery first."),
        ({"do": "dance", "source": "template:first"}, "Press one of the editor's buttons."),
        ({"do": "template"}, "There is no template to go back to."),
    ],
)
def test_incomplete_form_says_what_is_missing(
    browser: Client, recording: Recording, templates: Any, fields: dict[str, str], sentence: str
) -> None:
    assert refused(browser, recording, **fields) == sentence
    assert not Thumbnail.objects.exists()
    assert not OwnerDefault.objects.exists()


def test_refused_form_stands_as_it_was_sent(
    browser: Client, recording: Recording, templates: Any
) -> None:
    sent = {"source": "template:second", "title": "漢 & x", "zoom": "2.5", "x": "0.25", "y": "1"}

    page = send(browser, recording, **sent).content.decode()

    assert 'value="漢 &amp; x"' in page
    for name in ("zoom", "x", "y"):
        assert re.search(rf'name="{name}"[^>]* value="{sent[name]}"', page)
    assert re.findall(r'value="template:(\w+)"[^>]* checked', page) == ["second"]


def test_file_that_was_refused_is_asked_for_again(browser: Client, recording: Recording) -> None:
    said = refused(browser, recording, source="image", image=SimpleUploadedFile("a.png", b"none"))

    assert said == "This is no JPEG, PNG, WebP or GIF picture. Choose the file again."


def test_refusal_is_said_where_there_is_no_editor(
    browser: Client, recording: Recording, templates: Any
) -> None:
    move_to_trash([recording.pk], by="olga")

    assert save(browser, recording, source="template:first") == [
        "This recording is in the trash: restore it first."
    ]


def test_address_of_the_form_leads_to_its_page(browser: Client, recording: Recording) -> None:
    answer = browser.get(reverse("thumbnail-save", args=[recording.pk]))

    assert answer.headers["Location"] == f"/recordings/{recording.pk}"


@pytest.mark.parametrize("source", ["image", "frame", ""])
def test_own_picture_is_kept_when_a_default_is_asked_for_without_a_template(
    browser: Client, recording: Recording, templates: Any, source: str
) -> None:
    file = SimpleUploadedFile("a.png", picture(colour="#ff0000"))
    save(browser, recording, source="image", image=file)
    mine = Thumbnail.objects.get().stored_id

    other = SimpleUploadedFile("b.png", picture(colour="#0000ff"))
    said = refused(browser, recording, source=source, image=other, seconds="0", do="default")

    assert said.startswith("Choose a template from the gallery first.")
    assert Thumbnail.objects.get().stored_id == mine


def test_own_picture_outlives_an_editor_that_was_only_looked_at(
    browser: Client, recording: Recording, templates: Any
) -> None:
    save(browser, recording, source="template:second", title="Algebra")
    mine = Thumbnail.objects.get().stored_id
    page = browser.get(f"/recordings/{recording.pk}").content.decode()

    checked = re.findall(r'value="([\w:]+)"[^>]* checked', page)
    said = refused(browser, recording, zoom="1", x="0.5", y="0.5", title="")

    assert checked == []
    assert said == "Choose a picture first."
    assert Thumbnail.objects.get().stored_id == mine
    save(browser, recording, do="template")
    page = browser.get(f"/recordings/{recording.pk}").content.decode()
    assert re.findall(r'value="([\w:]+)"[^>]* checked', page) == ["template:second"]


@pytest.mark.parametrize(
    ("do", "said"),
    [
        ("template", "The template is shown again."),
        ("back", "The recording shows its frame or the default again."),
    ],
)
def test_going_back_is_said(
    browser: Client, recording: Recording, templates: Any, do: str, said: str
) -> None:
    save(browser, recording, source="template:second", title="Algebra")

    assert save(browser, recording, do=do) == [said]


def test_held_picture_is_not_taken_back(
    browser: Client, recording: Recording, templates: Any
) -> None:
    save(browser, recording, source="template:second", title="Algebra")
    place_hold(reason="audit", by="anna", owner_id=recording.owner_id, recording_id=recording.pk)

    for do in ("template", "back"):
        assert "audit" in refused(browser, recording, do=do)
    assert Thumbnail.objects.get().stored is not None


def test_default_is_the_owners(browser: Client, recording: Recording, templates: Any) -> None:
    save(browser, recording, source="template:second", do="default")

    assert OwnerDefault.objects.get().template == templates[1]
    page = browser.get(f"/recordings/{recording.pk}").content.decode()
    assert "Second · your default" in page


def test_default_is_forgotten(browser: Client, recording: Recording, templates: Any) -> None:
    page = browser.get(f"/recordings/{recording.pk}").content.decode()
    assert "Forget my default" not in page
    save(browser, recording, source="template:second", do="default")
    page = browser.get(f"/recordings/{recording.pk}").content.decode()
    assert "Forget my default" in page

    said = save(browser, recording, do="forget")

    assert said == ["Your recordings without a picture show the site's default again."]
    assert not OwnerDefault.objects.exists()


def test_administrator_sets_his_own_default(
    administrator: Any, owner: Any, client: Client, recording: Recording, templates: Any
) -> None:
    editing.set_default(owner.pk, templates[0])
    client.force_login(administrator)

    save(client, recording, source="template:second", do="default")

    assert OwnerDefault.objects.get(owner=administrator).template == templates[1]
    assert OwnerDefault.objects.get(owner=owner).template == templates[0]
    page = client.get(f"/recordings/{recording.pk}").content.decode()
    assert "Second · your default" in page
    assert "First · your default" not in page


def test_others_cannot_edit(make_user: Any, recording: Recording, templates: Any) -> None:
    owners = OwnerDefault.objects.create(owner_id=recording.owner_id, template=templates[0])
    editing.choose(recording, templates[0], by="olga")
    rows = list(Thumbnail.objects.values())
    other = Client()
    assert other.post(f"/recordings/{recording.pk}/thumbnail").status_code == 302
    other.force_login(make_user("boris"))

    for name in ("frame", "title"):
        assert other.get(f"/recordings/{recording.pk}/thumbnail/{name}?text=a").status_code == 404
    for do in ("save", "default", "forget", "template", "back"):
        form = {"source": "template:second", "do": do}
        assert other.post(f"/recordings/{recording.pk}/thumbnail", form).status_code == 404
    assert list(Thumbnail.objects.values()) == rows
    assert list(OwnerDefault.objects.all()) == [owners]


def test_form_needs_its_token(owner: Any, recording: Recording, templates: Any) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)

    answer = strict.post(f"/recordings/{recording.pk}/thumbnail", {"source": "template:second"})

    assert answer.status_code == 403
    assert not Thumbnail.objects.exists()


@pytest.mark.parametrize(
    "title",
    ["\u200d", "\u200b", "\u2060", "\u202e", "\u00ad", "\x01", "\U0001f3fb", " \u200b \u200f "],
    ids=ascii,
)
def test_title_that_nobody_sees_is_none(
    browser: Client, recording: Recording, templates: Any, title: str
) -> None:
    save(browser, recording, source="template:second", title=title)

    row = Thumbnail.objects.get(recording=recording)
    assert (row.template, row.stored) == (templates[1], None)
    layer = browser.get(f"/recordings/{recording.pk}/thumbnail/title", {"text": title})
    assert layer.status_code == 204
