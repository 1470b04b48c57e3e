"""How a decoder ends says whose fault it was: the picture's, the site's, or nobody's."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from recordings.models import Recording
from tests.thumbnails.conftest import limit, opened, picture, put
from thumbnails import sandbox
from thumbnails.exceptions import Busy, DecoderFault, PictureRefused, PictureTooLarge
from thumbnails.gallery import AS_STORED
from thumbnails.sandbox import MOST_BYTES, SLOTS, render

Decoder = Callable[[str], None]


@pytest.fixture
def decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Decoder:
    """Put another program in the decoder's place."""

    def become(program: str) -> None:
        script = tmp_path / "decoder.py"
        script.write_text(f"import os, signal, sys, time\n{program}\n")
        monkeypatch.setattr(sandbox, "_SCRIPT", script)

    return become


@pytest.fixture
def all_taken() -> Iterator[None]:
    for _ in range(SLOTS):
        assert sandbox._slots.acquire(timeout=30)
    yield
    for _ in range(SLOTS):
        sandbox._slots.release()


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("os.kill(os.getpid(), signal.SIGXCPU); time.sleep(9)", sandbox.SENTENCES["time"]),
        ("os.kill(os.getpid(), signal.SIGSEGV); time.sleep(9)", sandbox.SENTENCES["damaged"]),
        ("raise MemoryError", sandbox.SENTENCES["memory"]),
        ("print('refused nonsense')", sandbox.SENTENCES["damaged"]),
        ("while True: print('A' * 60_000)", sandbox.SENTENCES["damaged"]),
        (
            "print('refused letters nojson')",
            "The site has no letters for “some of them”: leave them out of the title.",
        ),
    ],
)
def test_end_that_the_picture_brought_about_is_a_refusal(
    decoder: Decoder, program: str, sentence: str
) -> None:
    decoder(program)

    with pytest.raises(PictureRefused) as refusal:
        render(AS_STORED, [picture()])

    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    "program", ["import nothing_of_this_name", "sys.exit(3)", "pass", "print('no base64')", "1/0",
                "os.kill(os.getpid(), signal.SIGKILL)"],
)  # fmt: skip
def test_end_that_the_site_brought_about_is_its_fault(decoder: Decoder, program: str) -> None:
    decoder(program)

    with pytest.raises(DecoderFault, match="its log says why"):
        render(AS_STORED, [picture()])


def test_decoder_that_waits_too_long_makes_the_site_busy(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "TIMEOUT", 0.5)
    decoder("time.sleep(60)")

    with pytest.raises(Busy):
        render(AS_STORED, [picture()])


def test_processor_time_is_limited_with_a_sentence(decoder: Decoder, monkeypatch: Any) -> None:
    limits = sandbox.child.Limits(memory=1024**3, cpu=1)
    monkeypatch.setattr(sandbox, "LIMITS", limits)
    decoder("while True: pass")

    with pytest.raises(PictureRefused, match="takes longer"):
        render(AS_STORED, [picture()])


def test_source_is_read_before_a_slot_is_taken(all_taken: None) -> None:
    with pytest.raises(PictureTooLarge):
        render(AS_STORED, [b"\0" * (MOST_BYTES + 1)])


def test_no_free_slot_is_said_after_the_wait(all_taken: None) -> None:
    with pytest.raises(Busy):
        render(AS_STORED, [picture()], wait=0.1)


def test_slot_comes_back_whatever_happened(decoder: Decoder) -> None:
    for _ in range(SLOTS + 1):
        with pytest.raises(PictureRefused):
            render(AS_STORED, [b"no picture"])
    decoder("sys.exit(3)")
    for _ in range(SLOTS + 1):
        with pytest.raises(DecoderFault):
            render(AS_STORED, [picture()])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("program", "status", "code"),
    [
        ("sys.exit(3)", 503, "decoder_fault"),
        ("time.sleep(60)", 503, "busy"),
        ("os.kill(os.getpid(), signal.SIGXCPU); time.sleep(9)", 415, "not_a_picture"),
    ],
)
def test_api_says_whose_fault_it_was(
    api: Any,
    recording: Any,
    decoder: Decoder,
    monkeypatch: pytest.MonkeyPatch,
    program: str,
    status: int,
    code: str,
) -> None:
    monkeypatch.setattr(sandbox, "TIMEOUT", 0.5)
    decoder(program)

    answer = put(api, recording, picture())

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_honest_answer_is_read() -> None:
    made = render(AS_STORED, [picture()])

    assert opened(made).size == tuple(AS_STORED["size"])


def free_descriptor() -> int:
    free = os.dup(0)
    os.close(free)
    return free


def test_no_room_for_the_bytes_of_a_picture_is_said() -> None:
    with limit(resource.RLIMIT_FSIZE, 1000), pytest.raises(Busy, match="no room"):
        render(AS_STORED, [b"x" * 100_000])


@pytest.mark.parametrize("left", [0, 1], ids=["for the bytes", "for the child"])
def test_no_descriptor_left_is_said(left: int) -> None:
    most = free_descriptor() + left

    with limit(resource.RLIMIT_NOFILE, most), pytest.raises(Busy, match="no room"):
        render(AS_STORED, [picture()])

    assert opened(render(AS_STORED, [picture()])).size == (1280, 720)


def test_error_of_where_a_picture_comes_from_is_not_the_sites_lack_of_room() -> None:
    def missing() -> Iterator[bytes]:
        raise FileNotFoundError
        yield b""

    with pytest.raises(FileNotFoundError):
        render(AS_STORED, missing())


@pytest.mark.django_db(transaction=True)
def test_full_disk_under_a_body_is_said(
    api: Client, owner: Any, recording: Recording, templates: Any
) -> None:
    """A large body is put aside in a file while it is read; the limit leaves the database room."""
    large = picture() + bytes(20_000_000)
    browser = Client()
    browser.force_login(owner)
    upload = SimpleUploadedFile("a.png", large)
    form = {"do": "save", "source": "image", "image": upload}

    with limit(resource.RLIMIT_FSIZE, 15_000_000):
        by_api = put(api, recording, large)
        by_form = browser.post(f"/recordings/{recording.pk}/thumbnail", form, follow=True)

    assert (by_api.status_code, by_api.json()["code"]) == (507, "storage_full")
    said = [str(message) for message in by_form.context["messages"]]
    assert said == ["The disk is full; nothing was kept of this file."]
