"""The library: what it shows, how it is searched and paged, and what that costs."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from recordings.ledger.models import Hold
from recordings.listing import PAGE_SIZE
from recordings.models import Label, Recording
from recordings.trash import move_to_trash
from tests.web.conftest import text


def titles(response: Any) -> list[str]:
    return [recording.title for recording in response.context["page"].recordings]


def test_empty_library_says_what_to_do_next(browser: Client) -> None:
    response = browser.get("/")

    assert "No recordings yet" in text(response)
    assert "Upload the first one" in text(response)


def test_empty_library_tells_of_what_is_in_the_trash(
    browser: Client, make_user: Any, make_recording: Any
) -> None:
    mine = [make_recording(title=f"Part {number}", files=0).pk for number in range(2)]
    other = make_recording(of=make_user("boris"), files=0)
    move_to_trash(mine, by="olga")
    move_to_trash([other.pk], by="boris")

    page = text(browser.get("/"))

    assert "Your 2 recordings are in the trash" in page
    assert '<a class="button secondary" href="/trash">' in page
    assert "No recordings yet" not in page


def test_search_without_result_offers_everything(browser: Client, recording: Any) -> None:
    response = browser.get("/?search=zebra")

    assert "Nothing matches" in text(response)
    assert "Titles and descriptions are searched" in text(response)
    assert 'placeholder="Search titles and descriptions"' in text(response)
    assert "Show everything" in text(response)


def test_hostile_title_is_shown_as_text(browser: Client, make_recording: Any) -> None:
    make_recording(title="<script>alert(1)</script>\"' {{ 7 }}", files=0)

    response = browser.get("/")

    assert "<script>alert" not in text(response)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27; {{ 7 }}" in text(response)


@pytest.mark.parametrize("title", ["🎬🔥 Demo 🎉", "مقدمة في الجبر", "\u202egnp.exe"])
def test_any_script_is_shown_in_its_own_direction(
    browser: Client, make_recording: Any, title: str
) -> None:
    recording = make_recording(title=title, files=0)

    library, page = browser.get("/"), browser.get(f"/recordings/{recording.pk}")

    assert f'dir="auto">{title}</a>' in text(library)
    assert f'dir="auto">{title}</h1>' in text(page)


@pytest.mark.parametrize("search", ["ПЕРЕВОД", "перевод", "на ии"])
def test_search_knows_case_in_any_script(browser: Client, make_recording: Any, search: str) -> None:
    make_recording(title="Перевод на ИИ", files=0)
    make_recording(title="Другое", files=0)

    assert titles(browser.get("/", {"search": search})) == ["Перевод на ИИ"]


@pytest.mark.parametrize("search", ["100%", "a_b", "(", "[", "\\", "'; DROP TABLE x"])
def test_search_takes_signs_as_they_are(browser: Client, make_recording: Any, search: str) -> None:
    make_recording(title=f"about {search} here", files=0)
    make_recording(title="100 acb", files=0)

    assert titles(browser.get("/", {"search": search})) == [f"about {search} here"]


def test_filters_by_state_and_label(browser: Client, owner: Any, make_recording: Any) -> None:
    failed = make_recording(title="Failed", state="failed", files=0)
    make_recording(title="Fine", files=0)
    failed.labels.add(Label.objects.create(owner=owner, name="autumn"))

    assert titles(browser.get("/?state=failed")) == ["Failed"]
    assert titles(browser.get("/?label=autumn")) == ["Failed"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("state=nonsense", "Select a valid choice"),
        ("label=nobody", "Select a valid choice"),
        ("sort=random", "Select a valid choice"),
        ("after=x", "damaged"),
        ("after=-1", "damaged"),
        ("after=99999999999999999999", "damaged"),
        ("after=4711", "The list has changed meanwhile"),
        ("search=%00", "Null characters are not allowed"),
        ("search=" + "x" * 201, "at most 200 characters"),
    ],
)
def test_nonsense_in_the_address_gets_a_sentence(
    browser: Client, recording: Any, query: str, sentence: str
) -> None:
    response = browser.get(f"/?{query}")

    assert response.status_code == 400
    assert sentence in text(response)


@pytest.mark.parametrize("sort", ["newest", "oldest", "title"])
def test_pages_show_everything_once_and_in_order(browser: Client, owner: Any, sort: str) -> None:
    count = PAGE_SIZE * 2 + 3
    Recording.objects.bulk_create(
        Recording(owner=owner, title=f"Part {number % 7}", state="ready") for number in range(count)
    )

    seen, after = [], ""
    for _ in range(3):
        page = browser.get("/", {"sort": sort, "after": after}).context["page"]
        seen += page.recordings
        after = page.after

    keys = [(one.sort_key, one.pk) for one in seen]
    assert len({pk for _, pk in keys}) == len(keys) == count
    assert keys == sorted(keys, reverse=sort == "newest")


def test_page_ends_without_a_link_when_nothing_follows(browser: Client, owner: Any) -> None:
    Recording.objects.bulk_create(
        Recording(owner=owner, title="x", state="ready") for _ in range(PAGE_SIZE)
    )

    assert "Next page" not in text(browser.get("/"))


@pytest.mark.parametrize("address", ["/", "/trash"])
def test_queries_do_not_grow_with_the_page(
    browser: Client,
    owner: Any,
    make_recording: Any,
    django_assert_num_queries: Any,
    address: str,
) -> None:
    def count() -> int:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert browser.get(address).status_code == 200
        return len(queries)

    def add(number: int) -> None:
        for index in range(number):
            made = make_recording(title=f"Take {index}", files=2)
            made.labels.add(Label.objects.get_or_create(owner=owner, name=f"label {index}")[0])
            Hold.objects.create(recording_id=made.pk, reason="audit", placed_by="anna")
        if address == "/trash":
            from django.utils import timezone

            now = timezone.now()
            Recording.objects.update(trashed_at=now, purge_after=now)

    add(1)
    few = count()
    add(12)

    assert count() == few


def test_card_tells_what_will_become_of_it(browser: Client, make_recording: Any) -> None:
    from datetime import UTC, datetime

    held = make_recording(title="Held", files=0)
    Hold.objects.create(recording_id=held.pk, reason="audit", placed_by="anna")
    make_recording(title="Kept", keep=True, files=0)
    make_recording(title="Leaving", expire_at=datetime(2031, 5, 4, tzinfo=UTC), files=0)

    page = text(browser.get("/"))

    assert "on hold" in page
    assert "kept" in page
    assert "Leaves after May 4, 2031" in page


def test_recordings_of_others_are_no_place_to_begin_a_page(
    browser: Client, make_recording: Any, make_user: Any
) -> None:
    theirs = make_recording(of=make_user("oleg"), files=0)

    assert browser.get(f"/?after={theirs.pk}").status_code == 400
