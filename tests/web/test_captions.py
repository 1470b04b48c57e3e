"""The pages of the caption editor: who gets there, what works without scripts, nothing inline."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse

from recordings.editing import sessions
from recordings.editing.models import EditingSession
from recordings.models import Recording
from tests.web.conftest import text


@pytest.fixture
def spoken(make_spoken: Any) -> Recording:
    recording: Recording = make_spoken("Hello", "there")
    return recording


@pytest.fixture
def session(spoken: Recording) -> EditingSession:
    return sessions.begin(spoken.pk)


def offer(recording: Recording) -> str:
    return reverse("captions", args=[recording.pk])


def editor(session: EditingSession) -> str:
    return reverse("captions-editor", args=[session.pk])


def test_recording_leads_to_its_captions(browser: Client, spoken: Recording) -> None:
    page = text(browser.get(reverse("recording", args=[spoken.pk])))

    assert f'href="{offer(spoken)}"' in page


def test_recording_that_is_not_ready_offers_no_captions(
    browser: Client, make_recording: Any
) -> None:
    recording = make_recording(state="processing")

    assert offer(recording) not in text(browser.get(reverse("recording", args=[recording.pk])))
    assert "can be edited once it is" in text(browser.get(offer(recording)))


def test_beginning_opens_a_session_with_the_captions_and_leads_to_it(
    browser: Client, spoken: Recording
) -> None:
    asked = text(browser.get(offer(spoken)))
    response = browser.post(offer(spoken))

    session = EditingSession.objects.get()
    assert "Begin editing" in asked
    assert response["Location"] == editor(session)
    assert [caption["text"] for caption in session.captions] == ["Hello", "there"]


def test_looking_begins_nothing(browser: Client, spoken: Recording) -> None:
    browser.get(offer(spoken))

    assert not EditingSession.objects.exists()


def test_newest_session_is_gone_on_with_and_all_are_listed_on_request(
    browser: Client, spoken: Recording, session: EditingSession
) -> None:
    newer = sessions.begin(spoken.pk)

    response = browser.get(offer(spoken))
    page = text(browser.get(f"{offer(spoken)}?list=1"))

    assert response["Location"] == editor(newer)
    assert f'href="{editor(session)}"' in page
    assert f'href="{editor(newer)}"' in page


def test_no_more_sessions_than_may_be_are_offered(browser: Client, spoken: Recording) -> None:
    for _ in range(sessions.MOST_OPEN):
        sessions.begin(spoken.pk)

    page = text(browser.get(f"{offer(spoken)}?list=1"))
    refused = browser.post(offer(spoken), follow=True)

    assert "Begin another session" not in page
    assert f"{sessions.MOST_OPEN} editing sessions already" in text(refused)
    assert EditingSession.objects.count() == sessions.MOST_OPEN


def test_recording_in_the_trash_is_not_edited(
    browser: Client, spoken: Recording, session: EditingSession
) -> None:
    browser.post(reverse("move-to-trash"), {"recordings": spoken.pk})

    for response in (
        browser.get(editor(session), follow=True),
        browser.get(offer(spoken), follow=True),
        browser.post(offer(spoken), follow=True),
    ):
        assert response.redirect_chain == [(reverse("recording", args=[spoken.pk]), 302)]
        assert "restore it first" in text(response)
    assert EditingSession.objects.count() == 1


def test_captions_of_someone_else_are_not_there(
    client: Client, spoken: Recording, session: EditingSession, make_user: Any
) -> None:
    client.force_login(make_user("oleg"))

    answers = [
        client.get(offer(spoken)),
        client.post(offer(spoken)),
        client.get(editor(session)),
    ]

    assert [response.status_code for response in answers] == [404, 404, 404]
    assert EditingSession.objects.count() == 1


def test_anonymous_signs_in_first(
    client: Client, spoken: Recording, session: EditingSession
) -> None:
    for address in (offer(spoken), editor(session)):
        assert client.get(address)["Location"] == f"/sign-in?next={address}"


def test_session_that_has_ended_is_not_there(browser: Client, session: EditingSession) -> None:
    address = editor(session)
    sessions.discard(session.pk, by="olga")

    assert browser.get(address).status_code == 404


def test_administrator_edits_captions_of_others(
    client: Client, session: EditingSession, administrator: Any
) -> None:
    client.force_login(administrator)

    assert client.get(editor(session)).status_code == 200


def test_editor_is_never_cached_and_opened_by_get_alone(
    browser: Client, session: EditingSession
) -> None:
    response = browser.get(editor(session))

    assert "no-store" in response["Cache-Control"]
    assert browser.post(editor(session)).status_code == 405


def test_without_scripts_the_captions_can_be_downloaded(
    browser: Client, session: EditingSession
) -> None:
    page = text(browser.get(editor(session)))
    links = re.findall(r'href="(/api/sessions/[^"]+)" download', page)

    assert "<noscript>" in page
    assert "needs JavaScript" in page
    assert [link.rpartition("=")[2] for link in links] == ["srt", "vtt", "json"]
    for link in links:
        answer = browser.get(link)
        assert "attachment" in answer["Content-Disposition"]
        assert "Hello" in b"".join(answer).decode()


def test_editor_brings_no_script_or_style_inside_the_page(
    browser: Client, session: EditingSession
) -> None:
    response = browser.get(editor(session))
    page = text(response)

    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]
    assert re.findall(r"<script(?![^>]* src=)", page) == []
    assert "<style" not in page
    assert re.findall(r"\s(?:style|on[a-z]+)=", page) == []


def test_modules_need_no_permission_that_the_policy_refuses() -> None:
    folder = settings.BASE_DIR / "static/js/captions"
    sources = {path.name: path.read_text() for path in folder.glob("*.js")}

    assert "page.js" in sources
    for name, source in sources.items():
        found = re.findall(
            r"\beval\(|new Function|innerHTML|insertAdjacentHTML|\.on[a-z]+ =", source
        )
        assert found == [], name


def test_every_sentence_that_a_module_says_is_on_the_page(
    browser: Client, session: EditingSession
) -> None:
    page = text(browser.get(editor(session)))
    written = set(re.findall(r'data-word="([^"]+)"', page))
    folder = settings.BASE_DIR / "static/js/captions"
    said = set()
    for path in folder.glob("*.js"):
        source = path.read_text()
        said |= set(re.findall(r'\bsay\("([a-z-]+)"', source))
        for name in re.findall(r'\bcount\("([a-z-]+)"', source):
            said |= {f"{name}-one", f"{name}-many"}
        said |= {f"refused-{code}" for code in re.findall(r'Refused\("([a-z-]+)"', source)}
        said |= set(re.findall(r'\bcode: "([a-z-]+)"', source))

    assert len(said) > 40
    assert said - written == set()


def test_every_fact_that_the_editor_asks_of_its_page_is_on_it(
    browser: Client, session: EditingSession
) -> None:
    page = text(browser.get(editor(session)))
    source = (settings.BASE_DIR / "static/js/captions/page.js").read_text()
    asked = re.findall(r"root\.dataset\.(\w+)", source)

    assert {"title", "address"} <= set(asked)
    for name in asked:
        assert f"data-{name}=" in page or f"data-{name} " in page, name


def test_everything_the_page_loads_is_there(browser: Client, session: EditingSession) -> None:
    page = text(browser.get(editor(session)))
    folder = settings.BASE_DIR / "static/js/captions"
    imported = {
        name
        for path in folder.glob("*.js")
        for name in re.findall(r'from "\./(.+?)"', path.read_text())
    }

    for address in re.findall(r'(?:src|href)="/static/([^"]+)"', page):
        assert finders.find(address), address
    assert imported <= {path.name for path in folder.glob("*.js")}
    sheet = (settings.BASE_DIR / "static/css/captions.css").read_text()
    for address in re.findall(r'url\("\.\./(.+?)"\)', sheet):
        assert finders.find(address), address
    assert "css/captions.css" in page
    assert "css/captions.css" not in text(browser.get("/"))


def test_title_that_looks_like_markup_stays_text(browser: Client, make_spoken: Any) -> None:
    recording = make_spoken("a")
    recording.title = '<b>"&'
    recording.save()
    page = text(browser.get(editor(sessions.begin(recording.pk))))

    assert "&lt;b&gt;&quot;&amp;" in page
    assert "<b>" not in page


def test_sound_alone_gets_no_offer_of_a_video(browser: Client, spoken: Recording) -> None:
    Recording.objects.update(width=None, height=None)
    page = text(browser.get(editor(sessions.begin(spoken.pk))))

    assert "<audio" in page
    assert "no video can be made of it" in page
    assert "data-render-form" not in page


def test_editor_costs_the_same_whatever_the_captions(
    browser: Client, session: EditingSession, django_assert_max_num_queries: Any
) -> None:
    many = [{"start": at, "end": at + 0.5, "text": "words"} for at in range(5000)]
    EditingSession.objects.update(captions=many)

    with django_assert_max_num_queries(12):
        response = browser.get(editor(session))

    assert len(response.content) < 60_000
