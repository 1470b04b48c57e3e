"""Quotas: what owners read of theirs, what administrators set."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.django_db


def test_owner_reads_his_quota_in_one_query_of_it(api, recording, django_assert_num_queries):
    api.get("/api/quota")

    with django_assert_num_queries(2):  # the token, the account
        found = api.get("/api/quota").json()

    assert found == {
        "used": 5010,
        "reserved": 0,
        "in_trash": 0,
        "limit": None,
        "available": None,
    }


def test_administrator_sets_a_limit(api, admin_api, recording):
    def limit(value):
        return admin_api.patch(
            "/api/users/olga/quota", {"limit": value}, content_type="application/json"
        )

    assert limit(6000).json()["available"] == 990
    assert limit(100).json()["available"] == 0
    assert api.get("/api/quota").json()["limit"] == 100
    assert limit(0).json()["limit"] == 0
    assert limit(None).json()["limit"] is None
    assert [limit(bad).status_code for bad in (-1, "x", 2**63, 1.5, [], True)] == [400] * 6
    assert limit("").status_code == 400
    assert (
        admin_api.patch("/api/users/olga/quota", {}, content_type="application/json").status_code
        == 400
    )
    assert (
        admin_api.patch(
            "/api/users/nobody/quota", {"limit": 1}, content_type="application/json"
        ).status_code
        == 404
    )


def test_null_limit_is_unlimited_even_where_the_site_has_one(admin_api, owner, settings):
    settings.DEFAULT_QUOTA_BYTES = 10

    assert admin_api.get("/api/users/olga/quota").json()["limit"] == 10
    admin_api.patch("/api/users/olga/quota", {"limit": None}, content_type="application/json")
    assert admin_api.get("/api/users/olga/quota").json()["limit"] is None


def test_quotas_of_others_are_for_administrators(api, admin_api, make_user):
    make_user("boris")

    answer = api.patch("/api/users/boris/quota", {"limit": 5}, content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert admin_api.get("/api/users/nobody/quota").status_code == 404
    assert admin_api.get("/api/users/a%00b/quota").status_code == 404
