"""The editor in the page of a recording."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.purge import purge
from recordings.models import Recording
from tests.conftest import assert_clean, store
from tests.processing import clips
from tests.thumbnails.conftest import opened
from thumbnails import derive
from thumbnails.models import OwnerDefault, Thumbnail

pytestmark = pytest.mark.django_db(transaction=True)

BENGALI, ARABIC, CYRILLIC = "সালোকসংশ্লেষণ", "مقدمة في الجبر", "Линейная алгебра"


@pytest.fixture
def browser(owner: Any, client: Client) -> Client:
    client.force_login(owner)
    return client


def save(browser: Client, recording: Recording, **fields: Any) -> list[str]:
    """Send the form; return what is said."""
    fields.setdefault("do", "save")
    url = reverse("thumbnail-save", args=[recording.pk])
    answer = browser.post(url, fields, follow=True)
    assert answer.redirect_chain == [(f"/recordings/{recording.pk}#thumbnail", 302)]
    return [str(message) for message in answer.context["messages"]]


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
    said = save(browser, recording, source="template:second", title="漢字 abc")

    assert said == ["The site has no letters for “漢字”: leave them out of the title."]
    assert not Thumbnail.objects.exists()


def test_upload_is_cropped_and_zoomed(browser: Client, recording: Recording) -> None:
    from PIL import Image

    image = Image.new("RGB", (1600, 900), "#ff0000")
    image.paste("#0000ff", (800, 0, 1600, 900))
    path = Path("/dev/shm") / f"crop{recording.pk}.png"
    image.save(path)
    content = path.read_bytes()
    path.unlink()

    file = SimpleUploadedFile("a.png", content)
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
    assert save(browser, recording, source="frame", seconds="1") == [
        "There is no video here to take a frame from."
    ]


def test_title_preview_is_a_layer(browser: Client, recording: Recording) -> None:
    url = reverse("thumbnail-title", args=[recording.pk])

    layer = browser.get(url, {"text": ARABIC})

    assert (opened(layer.content).mode, opened(layer.content).size) == ("RGBA", (1280, 720))
    assert browser.get(url, {"text": " "}).status_code == 204
    assert browser.get(url, {"text": "漢"}).status_code == 422
    assert browser.get(url, {"text": "\0"}).status_code == 204


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"source": "template:none"},
        {"source": "image"},
        {"source": "frame"},
        {"source": "template:first", "zoom": "99"},
        {"source": "template:first", "x": "nan"},
        {"source": "template:first", "title": "x" * 201},
        {"source": "template:first", "title": "a\0b"},
    ],
)
def test_incomplete_form_says_what_is_missing(
    browser: Client, recording: Recording, templates: Any, fields: dict[str, str]
) -> None:
    assert save(browser, recording, **fields)
    assert not Thumbnail.objects.exists()


def test_default_is_the_owners(browser: Client, recording: Recording, templates: Any) -> None:
    save(browser, recording, source="template:second", do="default")

    assert OwnerDefault.objects.get().template == templates[1]
    page = browser.get(f"/recordings/{recording.pk}").content.decode()
    assert "Second · your default" in page


def test_others_cannot_edit(make_user: Any, recording: Recording, templates: Any) -> None:
    other = Client()
    assert other.post(f"/recordings/{recording.pk}/thumbnail").status_code == 302
    other.force_login(make_user("boris"))

    for name in ("frame", "title"):
        assert other.get(f"/recordings/{recording.pk}/thumbnail/{name}?text=a").status_code == 404
    form = {"source": "template:second", "do": "save"}
    assert other.post(f"/recordings/{recording.pk}/thumbnail", form).status_code == 404
    assert not Thumbnail.objects.exists()


def test_form_needs_its_token(owner: Any, recording: Recording, templates: Any) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)

    answer = strict.post(f"/recordings/{recording.pk}/thumbnail", {"source": "template:second"})

    assert answer.status_code == 403
    assert not Thumbnail.objects.exists()
