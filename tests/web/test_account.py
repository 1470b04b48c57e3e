"""The account page: quota in words, keys shown once and revoked."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.urls import reverse

from recordings.accounts import MOST_TOKENS
from recordings.ledger.models import Account
from recordings.models import ApiToken
from tests.web.conftest import text


def test_quota_is_told(browser: Client, recording: Any) -> None:
    Account.objects.update(uses_default_limit=False, own_limit=10_000)

    page = text(browser.get("/account"))

    assert "4.9\xa0KB of 9.8\xa0KB are in use." in page


def test_no_limit_is_told(browser: Client) -> None:
    assert "there is no limit" in text(browser.get("/account"))


def test_key_is_shown_once_and_kept_as_a_hash(browser: Client) -> None:
    made = browser.post("/account", {"name": "backup"})
    again = browser.get("/account")

    key = made.context["key"]
    assert key in text(made)
    assert "no-store" in made["Cache-Control"]
    assert key not in text(again)
    assert ApiToken.objects.get().digest == ApiToken.hash(key)


def test_key_needs_a_name(browser: Client) -> None:
    response = browser.post("/account", {"name": ""})

    assert response.status_code == 400
    assert not ApiToken.objects.exists()


def test_keys_are_bounded(browser: Client, owner: Any) -> None:
    for number in range(MOST_TOKENS):
        ApiToken.make(owner, name=str(number))

    response = browser.post("/account", {"name": "one more"})

    assert "revoke one first" in text(response)
    assert ApiToken.objects.count() == MOST_TOKENS


def test_revoked_key_is_gone_from_the_page(browser: Client, owner: Any) -> None:
    token, _key = ApiToken.make(owner, name="old laptop")

    response = browser.post(reverse("revoke", args=[token.pk]), follow=True)

    token.refresh_from_db()
    assert token.revoked_at is not None
    assert 'scope="row"' not in text(response)


def test_key_of_someone_else_cannot_be_revoked(browser: Client, make_user: Any) -> None:
    token, _key = ApiToken.make(make_user("oleg"), name="his")

    assert browser.post(reverse("revoke", args=[token.pk])).status_code == 404


def test_password_is_changed(browser: Client, owner: Any) -> None:
    new = "another-long-one"
    form = {"old_password": "a-long-one", "new_password1": new, "new_password2": new}

    response = browser.post("/account/password", form)

    owner.refresh_from_db()
    assert response["Location"] == "/account"
    assert owner.check_password(new)
