"""The imports page: an address in, and a list that says how it goes."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from recordings.models import Job, Recording
from recordings.processing import jobs, work
from recordings.processing.jobs import CannotProcess
from recordings.uploads import imports
from recordings.uploads.exceptions import TooManyImports
from tests.api.conftest import mp4
from tests.conftest import assert_clean
from tests.web.conftest import browser, text

__all__ = ["browser"]
pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://talks.example/talks/week%201.mp4?signature=hush"


@pytest.fixture
def listed(browser: Client) -> Any:
    return lambda: text(browser.get("/imports/list"))


def test_page_takes_an_address_and_lists_the_import(browser, listed):
    answer = browser.post("/imports", {"url": URL, "title": ""}, follow=True)

    assert "talks.example/talks/week 1.mp4" in text(answer)
    assert "hush" not in text(answer)
    assert Job.objects.get().options == {"url": URL, "title": ""}
    assert 'hx-trigger="every 2s"' in listed()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "This field is required."),
        ("ftp://talks.example/", "Only addresses that begin with"),
        ("http://10.0.0.1/", "10.0.0.1 is not on the public internet"),
    ],
)
def test_wrong_address_is_marked(browser, url, words):
    answer = browser.post("/imports", {"url": url, "title": "Week 1"})

    assert answer.status_code == 400
    assert words in text(answer)
    assert 'value="Week 1"' in text(answer)
    assert not Job.objects.exists()


def test_one_import_too_many_is_refused_in_a_sentence(browser, settings):
    settings.IMPORTS_OPEN = 2
    browser.post("/imports", {"url": URL})
    browser.post("/imports", {"url": URL})

    assert "You have 2 imports under way" in text(browser.post("/imports", {"url": URL}))


def test_finished_import_leads_to_its_recording(ask, listed, server):
    job = ask(server.serves(mp4()), "Week 1")
    work.carry_out(job.pk)

    job.refresh_from_db()
    assert f'href="/recordings/{job.recording_id}"' in listed()
    assert "hx-trigger" not in listed()


def test_failed_import_says_why_and_can_be_tried_again(browser, ask, listed, server):
    job = ask(server.url("/none.mp4"), "Week 1")
    work.carry_out(job.pk)
    assert "no file at this address" in listed()

    browser.post(f"/imports/{job.pk}/again")

    again = Job.objects.get()
    assert again.pk != job.pk
    assert (again.state, again.options) == ("queued", job.options)


def test_import_that_was_asked_for_again_twice_at_once_is_made_once(owner, ask, server):
    job = ask(server.url("/none.mp4"))
    work.carry_out(job.pk)
    seen_twice = [Job.objects.get(pk=job.pk), Job.objects.get(pk=job.pk)]
    imports.ask_again(owner, seen_twice[0])

    with pytest.raises(CannotProcess, match="again already"):
        imports.ask_again(owner, seen_twice[1])

    assert Job.objects.count() == 1


def test_failed_import_stays_where_there_is_no_room_for_another(owner, ask, server, settings):
    job = ask(server.url("/none.mp4"))
    work.carry_out(job.pk)
    settings.IMPORTS_OPEN = 0

    with pytest.raises(TooManyImports):
        imports.ask_again(owner, Job.objects.get())

    assert Job.objects.get().pk == job.pk


def test_import_under_way_is_listed_however_many_came_after_it(ask, listed):
    ask(URL, "The long one")
    for _ in range(21):
        jobs.cancel(ask(URL, "A short one"))

    assert "The long one" in listed()


@pytest.mark.parametrize("ended", ["failed", "cancelled"])
def test_import_that_came_to_nothing_is_removed_from_the_list(browser, ask, listed, server, ended):
    job = ask(server.url("/none.mp4"), "Week 1")
    if ended == "failed":
        work.carry_out(job.pk)
    else:
        jobs.cancel(job)
    assert f'formaction="/imports/{job.pk}/remove"' in listed()

    answer = browser.post(f"/imports/{job.pk}/remove", follow=True)

    assert "“Week 1” is off the list." in text(answer)
    assert "Week 1" not in listed()
    assert not Job.objects.exists()
    assert_clean()


@pytest.mark.parametrize("asked", ["remove", "again"])
@pytest.mark.parametrize(
    ("state", "sentence"),
    [("queued", "This import waits."), ("running", "This import is under way.")],
)
def test_import_under_way_stays_as_it_is(browser, ask, listed, asked, state, sentence):
    job = ask(URL)
    Job.objects.update(state=state)
    assert f"/imports/{job.pk}/{asked}" not in listed()

    answer = browser.post(f"/imports/{job.pk}/{asked}", follow=True)

    assert sentence in text(answer)
    assert (Job.objects.get().pk, Job.objects.get().state) == (job.pk, state)


@pytest.mark.parametrize("asked", ["remove", "again"])
def test_import_that_brought_a_recording_stays_as_it_is(browser, ask, server, asked):
    job = ask(server.serves(mp4()))
    work.carry_out(job.pk)

    answer = browser.post(f"/imports/{job.pk}/{asked}", follow=True)

    assert "This import has succeeded." in text(answer)
    assert Job.objects.filter(kind="import").count() == 1


def test_removed_import_cannot_be_tried_again(browser, ask, server):
    job = ask(server.url("/none.mp4"))
    work.carry_out(job.pk)
    browser.post(f"/imports/{job.pk}/remove")

    assert browser.post(f"/imports/{job.pk}/again").status_code == 404
    assert browser.post(f"/imports/{job.pk}/remove").status_code == 404
    assert not Job.objects.exists()


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_imported_recording_that_cannot_be_watched_goes_to_the_trash(
    browser, ask, listed, server, state
):
    job = ask(server.serves(mp4()), "Week 1")
    work.carry_out(job.pk)
    assert "/trash/move" not in listed()
    Job.objects.filter(kind="process").delete()
    Recording.objects.update(state=state)
    assert 'action="/trash/move"' in listed()

    answer = browser.post("/trash/move", {"only": Recording.objects.get().pk}, follow=True)

    assert "1 recording is in the trash now" in text(answer)
    assert "/trash/move" not in listed()


def test_page_whose_reader_was_signed_out_is_loaded_anew(client, ask):
    answer = client.get("/imports/list", headers={"HX-Request": "true"})

    assert (answer.status_code, answer.headers["HX-Refresh"]) == (200, "true")
    assert client.get("/imports/list").url == "/sign-in?next=/imports/list"


def test_import_under_way_is_cancelled(browser, ask, listed):
    job = ask(URL)

    browser.post(f"/imports/{job.pk}/cancel")

    assert Job.objects.get().state == "cancelled"
    assert "nothing was kept" in listed()


def test_imports_of_others_are_nobodys_business(client, make_user, ask):
    job = ask(URL)
    client.force_login(make_user("boris"))

    assert "talks.example" not in text(client.get("/imports"))
    assert client.post(f"/imports/{job.pk}/cancel").status_code == 404
    assert client.post(f"/imports/{job.pk}/again").status_code == 404
    assert client.post(f"/imports/{job.pk}/remove").status_code == 404


def test_upload_page_leads_to_imports_where_they_are_allowed(browser, settings):
    assert 'href="/imports"' in text(browser.get("/upload"))

    settings.IMPORT_BY_URL = False

    assert 'href="/imports"' not in text(browser.get("/upload"))
    assert browser.get("/imports").status_code == 404
    assert browser.get("/imports/list").status_code == 404


def test_stranger_is_sent_to_sign_in(client):
    assert client.get("/imports").url == "/sign-in?next=/imports"
