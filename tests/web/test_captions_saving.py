"""How the editor's page saves, asked of its modules under node against the real site."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from recordings.editing import sessions
from recordings.editing.models import EditingSession
from tests.web import node

pytestmark = [
    node.needs_node,
    pytest.mark.django_db(transaction=True),
]

# A network that can lose what is sent or answered, and remembers what went over it.
SCENE = """
const { SITE, COOKIE, LATER, TOKEN } = process.env;
globalThis.document = {
  querySelector: () => ({ value: TOKEN }),
  get cookie() { return network.cookie; },
};
const { Session } = await import("./session.js");
const { Model } = await import("./model.js");
const network = { sent: [], loses: "", waits: Promise.resolve(), cookie: COOKIE };
const real = globalThis.fetch;
globalThis.fetch = async (address, { headers, ...more }) => {
  if (more.method === "PATCH") network.sent.push(JSON.parse(more.body));
  if (network.loses === "request") throw new TypeError("the network is down");
  const cookies = { Cookie: network.cookie, Referer: SITE };
  const answer = await real(SITE + address, { ...more, headers: { ...headers, ...cookies } });
  await network.waits;
  if (network.loses === "answer") throw new TypeError("the network is down");
  return answer;
};
const open = async () => {
  const heard = [];
  let session;
  const model = new Model({ changed: () => session?.touched() });
  const told = (...news) => heard.push(news);
  session = new Session({ address: process.env.ADDRESS, model, told });
  await session.load();
  return { session, model, heard };
};
const end = (result) => { console.log(JSON.stringify(result)); process.exit(0); };
"""


@pytest.fixture
def editing(make_spoken: Any) -> EditingSession:
    return sessions.begin(make_spoken("Hello", "there").pk)


@pytest.fixture
def page(
    tmp_path: Path, live_server: Any, owner: Any, editing: EditingSession
) -> Callable[[str], Any]:
    """Run a scene in a page of the session's owner; what it `end`s with comes back."""
    address = reverse("captions-editor", args=[editing.pk])
    cookies, later = signed_in(owner, address), signed_in(owner, address)

    def run(body: str) -> Any:
        return node.run(
            tmp_path,
            SCENE + body,
            SITE=live_server.url,
            ADDRESS=reverse("api-session", args=[editing.pk]),
            COOKIE="; ".join(f"{name}={value}" for name, value in cookies.items()),
            LATER="; ".join(f"{name}={value}" for name, value in later.items()),
            TOKEN=cookies["csrftoken"],
        )

    return run


def signed_in(owner: Any, address: str) -> dict[str, str]:
    """The cookies of a browser in which the owner has signed in and opened a page."""
    browser = Client()
    browser.force_login(owner)
    browser.get(address)
    return {name: morsel.value for name, morsel in browser.cookies.items()}


def words(editing: EditingSession) -> list[str]:
    editing.refresh_from_db()
    return [caption["text"] for caption in editing.captions]


def test_change_is_saved_and_the_next_builds_on_it(page: Any, editing: EditingSession) -> None:
    said = page("""
        const { session, model } = await open();
        model.write(1, "Good day");
        const first = await session.save();
        model.restyle({ box: true });
        const second = await session.save();
        end([first, second, session.state, network.sent.map((one) => Object.keys(one).sort())]);
    """)

    assert said == [True, True, "saved", [["captions", "revision"], ["revision", "style"]]]
    assert words(editing) == ["Good day", "there"]
    assert editing.style["box"] is True


def test_two_tabs_do_not_overwrite_each_other(page: Any, editing: EditingSession) -> None:
    said = page("""
        const [mine, theirs] = [await open(), await open()];
        theirs.model.write(1, "Theirs");
        await theirs.session.save();
        mine.model.write(1, "Mine");
        const saved = [await mine.session.save()];
        mine.model.write(2, "More of mine");
        saved.push(await mine.session.save());
        end([saved, mine.session.state, mine.model.plain().captions.map(({ text }) => text),
             network.sent.length]);
    """)

    assert said == [[False, False], "conflict", ["Mine", "More of mine"], 2]
    assert words(editing) == ["Theirs", "there"]


def test_loading_theirs_ends_the_conflict(page: Any, editing: EditingSession) -> None:
    said = page("""
        const [mine, theirs] = [await open(), await open()];
        theirs.model.write(1, "Theirs");
        await theirs.session.save();
        mine.model.write(1, "Mine");
        await mine.session.save();
        await mine.session.load();
        mine.model.write(mine.model.captions[1].id, "and mine");
        end([await mine.session.save(), mine.session.state]);
    """)

    assert said == [True, "saved"]
    assert words(editing) == ["Theirs", "and mine"]


def test_answer_that_was_lost_is_no_conflict(page: Any, editing: EditingSession) -> None:
    said = page("""
        const { session, model, heard } = await open();
        model.write(1, "  Saved, \\n\\n but who knows ");
        network.loses = "answer";
        const first = await session.save();
        network.loses = "";
        const second = await session.save();
        end([first, second, session.state, heard.some(([state]) => state === "conflict")]);
    """)

    assert said == [False, True, "saved", False]
    assert words(editing) == ["Saved,\nbut who knows", "there"]
    assert editing.revision == 2


def test_answer_that_was_lost_hides_no_change_of_another(
    page: Any, editing: EditingSession
) -> None:
    said = page("""
        const { session, model } = await open();
        model.write(1, "Mine");
        network.loses = "answer";
        await session.save();
        network.loses = "";
        const other = await open();
        other.model.write(2, "Theirs");
        await other.session.save();
        end([await session.save(), session.state]);
    """)

    assert said == [False, "conflict"]
    assert words(editing) == ["Mine", "Theirs"]


def test_nothing_is_lost_while_the_site_cannot_be_reached(
    page: Any, editing: EditingSession
) -> None:
    said = page("""
        const { session, model } = await open();
        network.loses = "request";
        model.write(1, "Offline");
        const states = [await session.save(), session.state];
        model.write(2, "still offline");
        network.loses = "";
        end([...states, await session.save(), session.state]);
    """)

    assert said == [False, "offline", True, "saved"]
    assert words(editing) == ["Offline", "still offline"]


def test_what_is_typed_during_a_save_is_saved_after_it(page: Any, editing: EditingSession) -> None:
    said = page("""
        const { session, model } = await open();
        let go;
        network.waits = new Promise((done) => { go = done; });
        model.write(1, "One");
        const first = session.save();
        model.write(1, "One and two");
        const second = session.save();
        go();
        const done = await Promise.all([first, second]);
        const busy = [session.dirty, network.sent.map(({ revision }) => revision)];
        end([done, ...busy]);
    """)

    assert said == [[False, True], False, [1, 2]]
    assert words(editing) == ["One and two", "there"]


def test_page_that_is_left_sends_what_was_typed_last_once(
    page: Any, editing: EditingSession
) -> None:
    said = page("""
        const { session, model } = await open();
        model.write(1, "Last words");
        session.leave();
        session.leave();
        end([await session.save(), network.sent.length]);
    """)

    assert said == [True, 1]
    assert words(editing) == ["Last words", "there"]


def test_session_that_was_ended_elsewhere_is_told_and_not_asked_again(
    page: Any, editing: EditingSession
) -> None:
    said = page("""
        const { session, model } = await open();
        await fetch(session.address, { method: "DELETE", headers: { "X-CSRFToken": TOKEN } });
        model.write(1, "Too late");
        const saved = [await session.save(), await session.save()];
        end([saved, session.state, network.sent.length, model.find(1).text]);
    """)

    assert said == [[False, False], "gone", 1, "Too late"]
    assert not EditingSession.objects.exists()


def test_signed_out_page_keeps_what_it_has_and_goes_on_after_signing_in(
    page: Any, editing: EditingSession
) -> None:
    said = page("""
        const { session, model } = await open();
        network.cookie = "";
        model.write(1, "Kept");
        const states = [await session.save(), session.state];
        network.cookie = LATER; // signing in gives another token, too
        end([...states, await session.save()]);
    """)

    assert said == [False, "signed-out", True]
    assert words(editing) == ["Kept", "there"]


def test_refusal_names_the_caption_and_a_better_one_is_saved(
    page: Any, editing: EditingSession
) -> None:
    said = page("""
        const { session, model, heard } = await open();
        model.write(2, "x".repeat(3000));
        await session.save();
        const refused = heard.at(-1);
        model.write(2, "short");
        end([refused, await session.save()]);
    """)

    assert said[0][0] == "refused"
    assert said[0][1].startswith("Caption 2: the text has more than")
    assert said[1] is True
    assert words(editing) == ["Hello", "short"]
