"""Source rules by the API: made, changed, and refused as their form in the admin refuses them."""

from __future__ import annotations

from typing import Any

import pytest

from recordings.models import SourceRule
from tests.api.conftest import admin_api  # noqa: F401  (a fixture)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def send(admin_api):  # noqa: F811
    """Call the API as an administrator, where no rule is left of those that are shipped."""
    SourceRule.objects.all().delete()

    def send(method: str, path: str, data: Any = None) -> Any:
        return getattr(admin_api, method)(f"/api/{path}", data, content_type="application/json")

    return send


def test_source_rules_are_made_and_changed(send):
    made = send(
        "post",
        "source-rules",
        {"event": "processing_failed", "action": "delay", "delay_seconds": 86400},
    )

    address = f"source-rules/{made.json()['id']}"
    changed = send("patch", address, {"delay_seconds": 3600, "cut_seconds": 30})
    assert (made.status_code, changed.status_code) == (201, 200)
    assert changed.json()["delay_seconds"] == 3600
    assert send("get", "source-rules").json()["results"] == [changed.json()]
    again = send("post", "source-rules", {"event": "processing_failed", "action": "keep"})
    assert again.status_code == 400
    for bad in ({"delay_seconds": -1}, {"delay_seconds": 10**30}, {"cut_percent": 101},
                {"action": "burn"}, {"cut_seconds": "nan"}):  # fmt: skip
        assert send("patch", address, bad).status_code == 400


@pytest.mark.parametrize(
    ("given", "field", "sentence"),
    [
        ({"action": "delay", "delay_seconds": 0}, "delay_seconds", "Say how long it stays"),
        ({"action": "delay"}, "delay_seconds", "Say how long it stays"),
        ({"cut_percent": -5}, "cut_percent", "Give a share from 0 to 100 percent."),
        ({"cut_percent": 101}, "cut_percent", "Give a share from 0 to 100 percent."),
        ({"cut_seconds": -1}, "cut_seconds", "Give seconds from 0 to 360000."),
    ],
)
def test_source_rule_is_refused_as_its_form_in_the_admin_does(send, given, field, sentence):
    body = {"event": "processing_failed", "action": "delete"}
    rule = send("post", "source-rules", body).json()

    changed = send("patch", f"source-rules/{rule['id']}", given)
    made = send("post", "source-rules", {**body, "event": "processing_succeeded", **given})

    for refused in (changed, made):
        assert refused.status_code == 400
        assert set(refused.json()) == {"detail", "code", field}
        assert refused.json()[field][0].startswith(sentence)
    assert send("get", "source-rules").json()["results"] == [rule]
