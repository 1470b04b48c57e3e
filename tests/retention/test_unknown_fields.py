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


@pytest.mark.parametrize("name", ["\ud800", "detail", "code", "x" * 5000, "a\nb"])
def test_whatever_a_field_is_called_the_answer_keeps_its_shape(send, policy, name):  # noqa: F811
    answer = send("patch", f"policies/{policy['id']}", {name: 1})

    told = answer.json()
    assert (answer.status_code, told["code"]) == (400, "invalid")
    assert told["detail"].endswith(": There is no such field.")
    assert len(answer.content) < 1000


def test_answer_names_some_of_many_unknown_fields(send, policy):  # noqa: F811
    answer = send("patch", f"policies/{policy['id']}", {f"field{n}": n for n in range(10_000)})

    assert answer.status_code == 400
    assert len(answer.content) < 5000


def test_policy_may_be_sent_back_as_it_was_read(send, policy):  # noqa: F811
    answer = send("patch", f"policies/{policy['id']}", policy)

    assert (answer.status_code, answer.json()) == (200, policy)
