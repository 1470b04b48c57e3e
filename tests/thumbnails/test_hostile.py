"""Pictures from anybody: what is taken comes out clean, all else is refused at once."""

from __future__ import annotations

import os
import resource
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from PIL import Image, ImageOps

from recordings.models import Recording
from tests.conftest import assert_clean
from tests.thumbnails import hostile
from tests.thumbnails.conftest import address, opened, picture, put
from thumbnails.exceptions import PictureRefused, PictureTooLarge
from thumbnails.gallery import AS_STORED
from thumbnails.models import Thumbnail
from thumbnails.sandbox import MOST_BYTES, render

SMALL = {**AS_STORED, "size": (320, 180)}


def at_once(content: bytes) -> bytes:
    """Decode a picture; two seconds of the child's own work is the most it may take."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        return render(SMALL, [content])
    finally:
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2


@pytest.mark.parametrize("name", hostile.REFUSED)
def test_what_is_no_picture_is_refused_at_once(name: str) -> None:
    content = hostile.REFUSED[name]()

    with pytest.raises(PictureRefused) as refusal:
        at_once(content)

    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize("make", [hostile.many_frames, hostile.bomb_of_profile])
def test_what_is_too_much_beside_the_picture_is_left_alone(make: Any) -> None:
    try:
        made = at_once(make())
    except PictureRefused:
        return
    assert opened(made).size == (320, 180)


@pytest.mark.parametrize(
    "content",
    [
        picture("JPEG") + b"\xff\xda" * 1000,
        picture("JPEG", icc_profile=b"\xff\xda" * 5_000_000),
        picture("JPEG", comment=b"\xff\xda" * 1000),
    ],
    ids=["the film of a motion photo", "a large profile", "a comment"],
)
def test_bytes_that_are_no_scan_are_not_counted(content: bytes) -> None:
    assert opened(render(AS_STORED, [content])).size == (1280, 720)


def test_scans_behind_filling_and_restarts_are_counted() -> None:
    content = picture("JPEG")
    scan = b"\xff\xff\xda\0\x08\1\1\0\0\x3f\0" + b"a\xff\0\xff\xd0b"

    with pytest.raises(PictureRefused, match="slow"):
        render(AS_STORED, [content[:-2] + scan * 101 + content[-2:]])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["svg", "a billion pixels", "cut-off jpeg", "nothing in it"])
def test_refused_upload_leaves_nothing(
    api: Client, recording: Recording, stored_names: Any, account: Any, name: str, tmp_path: Path
) -> None:
    names, used = stored_names(), account().used
    temporary = set(os.listdir("/tmp"))

    answer = put(api, recording, hostile.REFUSED[name]())

    assert answer.status_code in {400, 415}
    assert (stored_names(), account().used, account().reserved) == (names, used, 0)
    assert not Thumbnail.objects.exists()
    left = set(os.listdir("/tmp")) - temporary
    assert not [one for one in left if one.endswith((".upload", ".png"))]
    assert_clean()


@pytest.mark.django_db(transaction=True)
def test_file_larger_than_a_picture_is_refused_unread(api: Client, recording: Recording) -> None:
    answer = put(api, recording, b"\x89PNG\r\n\x1a\n" + b"\0" * (MOST_BYTES + 100_000))

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert api.get(address(recording)).status_code == 404


def test_source_that_goes_on_and_on_is_cut() -> None:
    def endless() -> Any:
        while True:
            yield b"\0" * 1024 * 1024

    with pytest.raises(PictureTooLarge):
        render(SMALL, endless())


def test_worker_memory_stays_flat() -> None:
    large = picture("PNG", (4000, 4000))
    render(SMALL, [large])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    for _ in range(4):
        render(SMALL, [large])
        with pytest.raises(PictureRefused):
            render(SMALL, [hostile.png(31_623, 31_623)])

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("size", [(1, 1), (9, 700), (700, 9), (1280, 720), (3000, 3000)])
def test_pictures_of_four_kinds_and_any_shape_are_taken(form: str, size: tuple[int, int]) -> None:
    made = opened(render(AS_STORED, [picture(form, size, "#3366cc")]))

    assert (made.format, made.size, made.mode) == ("PNG", (1280, 720), "RGB")
    assert all(
        abs(a - b) < 6 for a, b in zip(made.getpixel((640, 360)), (0x33, 0x66, 0xCC), strict=True)
    )


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_pictures_of_any_mode_are_taken(mode: str) -> None:
    target = BytesIO()
    Image.new(mode, (64, 36)).save(target, "JPEG" if mode == "CMYK" else "PNG")

    assert opened(render(SMALL, [target.getvalue()])).mode == "RGB"


def test_transparent_becomes_white() -> None:
    target = BytesIO()
    Image.new("RGBA", (64, 36), (0, 0, 0, 0)).save(target, "PNG")

    assert opened(render(SMALL, [target.getvalue()])).getpixel((3, 3)) == (255, 255, 255)


def two_halves(**options: Any) -> bytes:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (400, 200), "#ff0000")
    image.paste("#0000ff", (200, 0, 400, 200))
    target = BytesIO()
    image.save(target, "JPEG", quality=95, **options)
    return target.getvalue()


@pytest.mark.parametrize(("turn", "top"), [(6, "red"), (8, "blue")])
def test_orientation_is_applied(turn: int, top: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn

    made = opened(render({**SMALL, "fit": "inside"}, [two_halves(exif=exif)]))

    assert made.height > made.width
    red, _, blue = made.getpixel((made.width // 2, 8))
    assert (red > blue) == (top == "red")


@pytest.mark.parametrize("turn", range(1, 9))
def test_every_orientation_is_known(turn: int) -> None:
    exif, target = Image.Exif(), BytesIO()
    exif[0x0112] = turn
    Image.effect_noise((40, 24), 90).convert("RGB").save(target, "PNG", exif=exif)

    made = opened(render({**SMALL, "fit": "inside", "grow": False}, [target.getvalue()]))

    assert made.tobytes() == ImageOps.exif_transpose(opened(target.getvalue())).tobytes()


def test_picture_is_turned_whatever_else_its_metadata_say() -> None:
    made = opened(render({**SMALL, "fit": "inside"}, [hostile.odd_exif()]))

    assert made.height > made.width


def test_metadata_is_gone() -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken in my kitchen"

    made = render(SMALL, [two_halves(exif=exif, comment=b"kitchen", icc_profile=b"x" * 200)])

    assert b"kitchen" not in made
    assert not opened(made).info
    assert not opened(made).getexif()


def test_animation_gives_its_first_frame() -> None:
    target = BytesIO()
    frames = [Image.new("RGB", (64, 36), colour) for colour in ("#ff0000", "#00ff00")]
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:])

    assert opened(render(SMALL, [target.getvalue()])).getpixel((9, 9)) == (255, 0, 0)


@pytest.mark.parametrize(("x", "expected"), [(0.0, "red"), (1.0, "blue")])
def test_crop_keeps_what_was_chosen(x: float, expected: str) -> None:
    order = {**SMALL, "crop": [x, 0.5, 2.0]}

    made = opened(render(order, [two_halves()]))

    red, _, blue = made.getpixel((160, 90))
    assert (red > blue) == (expected == "red")
