"""Finding copies of templates among pictures that another site left."""

from __future__ import annotations

import json
import os
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from recordings.ledger.models import StoredFile
from tests.thumbnails.conftest import picture
from thumbnails import derive, drawings, gallery
from thumbnails.models import ThumbnailTemplate

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for drawing in drawings.ALL[:3]:
        gallery.add(drawing.slug, drawing.name, drawing.png())
    copies = tmp_path / "copies"
    (copies / "user_1").mkdir(parents=True)
    stored = ThumbnailTemplate.objects.get(slug="books").stored
    (copies / "user_1" / "a.png").write_bytes(derive.content(stored))
    worse = BytesIO()
    Image.open(BytesIO(drawings.ALL[0].png())).resize((480, 270)).save(worse, "JPEG", quality=60)
    (copies / "b.jpg").write_bytes(worse.getvalue())
    drawn_on = Image.open(BytesIO(drawings.ALL[0].png()))
    drawn_on.paste("#ff0000", (300, 200, 500, 300))
    drawn_on.save(copies / "c.png")
    (copies / "d.png").write_bytes(picture(colour="#ffffff"))
    (copies / "e.txt").write_bytes(b"none")
    (copies / "f.png").symlink_to(copies / "d.png")
    return copies


def test_copies_are_told_from_own_pictures(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    rows, out = StoredFile.objects.count(), StringIO()

    call_command("adopt_thumbnails", str(folder), "--json", stdout=out)

    found = {one["name"]: (one["how"], one["template"]) for one in json.loads(out.getvalue())}
    assert found == {
        "user_1/a.png": ("same bytes", "books"),
        "b.jpg": ("looks the same", "blue-board"),
        "c.png": ("its own", ""),
        "d.png": ("its own", ""),
        "e.txt": ("no picture", ""),
    }
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert StoredFile.objects.count() == rows


def test_table_ends_with_what_could_be_spared(folder: Path) -> None:
    out = StringIO()

    call_command("adopt_thumbnails", str(folder), stdout=out)

    assert "looks the same       blue-board" in out.getvalue()
    assert "2 of 5 files are copies of templates" in out.getvalue()


def deep(folder: Path) -> None:
    """Make a file that lies so deep that its name is too long to open."""
    inside = os.open(folder, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=inside)
        inside, former = os.open("d" * 250, os.O_RDONLY, dir_fd=inside), inside
        os.close(former)
    os.close(os.open("deep.png", os.O_CREAT | os.O_WRONLY, dir_fd=inside))
    os.close(inside)


def test_what_cannot_be_compared_does_not_end_the_list(folder: Path) -> None:
    deep(folder)
    noise = Image.effect_noise((5400, 5400), 99)
    noise.save(folder / "large.png", compress_level=0)
    out = StringIO()

    call_command("adopt_thumbnails", str(folder), "--json", stdout=out)

    found = {one["name"].rpartition("/")[2]: one["how"] for one in json.loads(out.getvalue())}
    assert (found["deep.png"], found["large.png"]) == ("unreadable", "too large to compare")
    assert len(found) == 7


def test_templates_that_cannot_be_read_are_said(folder: Path, settings: Any) -> None:
    stored = ThumbnailTemplate.objects.get(slug="books").stored
    (settings.MEDIA_ROOT / str(stored)).rename(settings.MEDIA_ROOT / "elsewhere")

    with pytest.raises(CommandError, match="could not be compared"):
        call_command("adopt_thumbnails", str(folder))


def test_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no folder"):
        call_command("adopt_thumbnails", str(tmp_path / "none"))
