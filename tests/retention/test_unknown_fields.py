"""A policy by the API with a field that does not exist: a misspelt limit is no limit."""

from __future__ import annotations

import pytest

from retention.models import RetentionPolicy
from tests.api.conftest import admin_api  # noqa: F401  (a fixture)
from tests.retention.test_api import POLICY, policy, send  # noqa: F401  (fixtures)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"keep_latest": 3}, ()),
        ({"limits": {"itemz": 4}}, ("limits",)),
        ({"limits": {"items": 4, "byte": 10}}, ("limits",)),
        ({"scope": {"owner": ["olga"]}}, ("scope",)),
        ({"schedule": {"every_seconds": 60, "timezon": "UTC"}}, ("schedule",)),
    ],
)
def test_field_that_is_not_known_is_refused_by_its_name(send, policy, change, place):  # noqa: F811
    made = send("post", "policies", {**POLICY, **change})
    changed = send("patch", f"policies/{policy['id']}", {"max_age_seconds": 60, **change})

    for answer in (made, changed):
        refused = answer.json()
        for name in place:
            refused = refused[name]
        unknown = set(change.get(place[0], {}) if place else change) & set(refused)
        assert answer.status_code == 400
        assert [refused[name] for name in unknown] == [["There is no such field."]]
    assert RetentionPolicy.objects.filter(name=POLICY["name"]).count() == 1
    assert send("get", f"policies/{policy['id']}").json() == policy


def test_policy_may_be_sent_back_as_it_was_read(send, policy):  # noqa: F811
    answer = send("patch", f"policies/{policy['id']}", policy)

    assert (answer.status_code, answer.json()) == (200, policy)
